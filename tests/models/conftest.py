"""What the tests of generating models share."""

import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Callable

import pytest
from encoder_cases import TEXTS
from generator_cases import WORDS
from tiny_bert import make_bert
from tiny_llama import make_llama, make_tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny base."""
    return make_llama(tmp_path_factory.mktemp("bases") / "llama", WORDS)


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny encoder."""
    return make_bert(tmp_path_factory.mktemp("bases") / "bert", [*TEXTS, *WORDS])


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerFast:
    folder = tmp_path_factory.mktemp("tokenizers")
    make_tokenizer(folder, WORDS, pieces=400)
    tokenizer: PreTrainedTokenizerFast = PreTrainedTokenizerFast.from_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def tiny_chat(tiny_tokenizer: PreTrainedTokenizerFast) -> ChatTokenizer:
    return ChatTokenizer(tiny_tokenizer)


@pytest.fixture(scope="session")
def smol_folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first pieces and the config of the default base, without weights."""
    folder = tmp_path_factory.mktemp("bases") / "SmolLM2"
    shutil.copytree(data / "tokenizers" / "SmolLM2-2000", folder)
    return folder


@pytest.fixture(scope="session")
def smol_chat(smol_folder: Path) -> ChatTokenizer:
    return ChatTokenizer(AutoTokenizer.from_pretrained(smol_folder))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[tuple[str, Any], Path]], list[tuple[str, Any]]]:
    """Lets the hub hold folders by name and revision, and lists what it was asked for. It gives the files that are asked for."""

    def make(held: dict[tuple[str, Any], Path]) -> list[tuple[str, Any]]:
        asked: list[tuple[str, Any]] = []

        def snapshot_download(name: str, *, revision: Any = None, allow_patterns: list[str]) -> str:
            from huggingface_hub.errors import LocalEntryNotFoundError

            asked.append((name, revision))
            if (name, revision) not in held:
                raise LocalEntryNotFoundError("no such model")
            snapshot = tmp_path / "cache" / f"{name.replace('/', '--')}-{revision}"
            shutil.rmtree(snapshot, ignore_errors=True)
            snapshot.mkdir(parents=True)
            for file in held[name, revision].iterdir():
                if any(fnmatch(file.name, pattern) for pattern in allow_patterns):
                    shutil.copyfile(file, snapshot / file.name)
            return str(snapshot)

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return asked

    return make
