"""What the tests share."""

import os
from pathlib import Path

import pytest
import spacy
import torch
from hypothesis import settings
from spacy.language import Language

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared" / "data"

# The time of one example says nothing on a machine that is also busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

# Tiny models gain nothing from threads, and two workers share two cores. Processes that tests start read the variable.
torch.set_num_threads(1)
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with whole workflows, which last longest, so that two workers end at about the same time."""
    items.sort(key=lambda item: item.get_closest_marker("workflow") is None)


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
