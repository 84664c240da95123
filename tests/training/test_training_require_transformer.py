"""What a user reads who runs a `transformer` without spacy-transformers."""

import subprocess
import sys
from pathlib import Path

import pytest
from spacy.training.initialize import init_nlp
from spacy.util import load_config

from spacy_slm_ner.errors import MissingExtraError

ROOT = Path(__file__).parent.parent.parent
SAYS = r"A `transformer` needs spacy-transformers.*pip install 'spacy-slm-ner\[trf\]'.*below 4\.53\.3.*configs/lora\.cfg"
EVERYTHING = """
import sys
from importlib.metadata import entry_points
sys.modules["spacy_transformers"] = None
found = [one for group in entry_points().groups for one in entry_points(group=group) if one.value.startswith("spacy_slm_ner")]
print(len([one.load() for one in found]))
"""


@pytest.mark.filterwarnings("ignore")
def test_the_config_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy_transformers", None)
    with pytest.raises(MissingExtraError, match=SAYS):
        init_nlp(load_config(ROOT / "configs" / "trf.cfg", interpolate=True))


@pytest.mark.trf
def test_it_says_nothing_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from spacy.lang.en import English

    from spacy_slm_ner.training.require_transformer import create_require_transformer

    assert create_require_transformer()(English) is English


def test_everything_that_is_registered_can_be_imported_without_it() -> None:
    """spaCy imports all of it, to list what there is, where a name is not known."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", EVERYTHING], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and int(done.stdout) > 15, done.stderr
