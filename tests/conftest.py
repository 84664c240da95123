"""What the tests share."""

from pathlib import Path

import pytest
import spacy
from hypothesis import settings
from spacy.language import Language

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data"
SHARED = ROOT.parent / "shared" / "data"

# The time of one example says nothing on a machine that is also busy with something else.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")


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
