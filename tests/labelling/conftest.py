import json
from pathlib import Path
from typing import Callable, Iterator, Sequence

import pytest
import spacy
from name_server import CONFIG, NameServer
from spacy.language import Language


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def server() -> Iterator[NameServer]:
    with NameServer() as running:
        yield running


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., str]:
    """Writes the config of a pipeline over an endpoint."""

    def write(url: str, settings: str = "", name: str = "endpoint.cfg") -> str:
        (tmp_path / name).write_text(CONFIG.format(url=url, settings=settings), encoding="utf8")
        return str(tmp_path / name)

    return write


@pytest.fixture
def write_texts(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of texts."""

    def write(texts: Sequence[str], name: str = "texts.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf8")
        return path

    return write


@pytest.fixture
def make_ruler() -> Callable[..., Language]:
    """Makes a pipeline that finds the entities given, without scores."""

    def make(**patterns: str) -> Language:
        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns([{"label": label.replace("_", " "), "pattern": words} for label, words in patterns.items()])
        return nlp

    return make
