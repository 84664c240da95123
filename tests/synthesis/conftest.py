from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from spacy_slm_ner.synthesis.spec import Spec, read_spec

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right")
    return "sk-right"


@pytest.fixture(scope="session")
def scheduling() -> Spec:
    return read_spec(ROOT / "configs" / "scheduling.yml")


@pytest.fixture
def make_spec(scheduling: Spec) -> Iterator[Callable[..., Spec]]:
    """The ready spec with some values changed."""

    def make(**changes: Any) -> Spec:
        return Spec.model_validate({**scheduling.model_dump(), **changes})

    yield make
