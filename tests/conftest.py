"""What the tests share."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
import torch
from hypothesis import settings
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from tiny_bert import make_bert
from tiny_llama import make_llama

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared" / "data"
ENTITY = "Ada Quill comes on Friday"
TEXTS = ["See you at 6 pm on Friday.", "Is Ana in on Monday?", "Cancel it, please."]

# The time of one example says nothing on a machine that is also busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Tiny models gain nothing from threads, and two workers share two cores. Processes that tests start read the variable.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole workflows, which last longest, so that two workers end at about the same time; leave out what a package is
    missing for."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)
    if find_spec("spacy_transformers") is None:
        for item in items:
            if item.get_closest_marker("trf"):
                item.add_marker(pytest.mark.skip(reason="needs the extra `trf`"))


@pytest.fixture(scope="session")
def nlp() -> Language:
    return spacy.blank("en")


@pytest.fixture(scope="session")
def data() -> Path:
    """Excerpts of public data sets and tokenizers."""
    return DATA


@pytest.fixture(scope="session")
def shared() -> Path:
    """The whole sets, which are not part of the repository."""
    if not SHARED.is_dir():
        pytest.skip(f"needs the public data sets in {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A language model with random weights."""
    return make_llama(tmp_path_factory.mktemp("bases") / "tiny", TEXTS)


@pytest.fixture
def gguf_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where bases from GGUF files are kept during a test."""
    folder = tmp_path / "gguf-bases"
    folder.mkdir()
    monkeypatch.setattr("spacy_slm_ner.models.pretrained.gguf.cache.cache", lambda: folder)
    return folder


@pytest.fixture
def make_corpus(tmp_path: Path, nlp: Language) -> Callable[..., Path]:
    """Writes texts with the categories given; each has an entity, or none has."""

    def make(*cats: dict[str, float], entities: bool = True) -> Path:
        docs = [nlp(ENTITY) for _ in cats]
        for doc, one in zip(docs, cats):
            doc.ents = [doc.char_span(0, 9, "JOB TITLE")] if entities else []
            doc.cats = one
        DocBin(docs=docs).to_disk(tmp_path / "corpus.spacy")
        return tmp_path / "corpus.spacy"

    return make


@pytest.fixture(scope="module")
def bases(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Overrides of each config that has a base."""
    bert = str(make_bert(tmp_path_factory.mktemp("bases") / "bert", [ENTITY]))
    lora = {"paths.base": bert, "components.tok2vec.model.window": 40}
    return {
        "tok2vec": {},
        "trf": {"paths.base": bert},
        "lora": lora,
        "slm": {"paths.base": str(tiny_base)},
    }


@pytest.fixture
def ready(bases: dict[str, Any]) -> Callable[[str, Path], Language]:
    """Makes a pipeline of the project as `spacy train` initialises it, by the name of its config."""

    def make(config: str, corpus: Path) -> Language:
        paths = {"paths.train": str(corpus), "paths.dev": str(corpus), "system.gpu_allocator": None}
        return init_nlp(load_config(ROOT / "configs" / f"{config}.cfg", overrides={**paths, **bases[config]}))

    return make
