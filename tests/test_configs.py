"""The shipped configs: complete, so that nothing depends on a default that may change, and valid."""

from pathlib import Path

import pytest
from spacy.util import load_config, load_model_from_config

ROOT = Path(__file__).parent.parent
PATHS = sorted([*ROOT.glob("configs/*.cfg"), *ROOT.glob("projects/*/configs/*.cfg")])
CONFIGS = [
    pytest.param(path, marks=[pytest.mark.trf] if path.stem == "trf" else [], id=f"{path.parent.parent.name}-{path.stem}")
    for path in PATHS
]
SECTIONS = ("nlp", "components", "corpora", "training")
# Those of a pipeline that is not trained.
UNTRAINED = ("nlp", "components")
ORDER = ("paths", "system", "nlp", "components", "corpora", "training", "pretraining", "initialize")


def is_trained(path: Path) -> bool:
    """Whether a pipeline is trained by `spacy train`."""
    return "[training]" in path.read_text(encoding="utf8")


@pytest.mark.parametrize("path", CONFIGS)
def test_a_config_is_complete_and_valid(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent.parent)
    config = load_config(path, overrides={"paths.train": "corpus/train.spacy"} if is_trained(path) else {})
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    filled, given = nlp.config.interpolate(), config.interpolate()
    # spaCy adds a weight of null for every score that a component could have.
    if is_trained(path):
        filled["training"]["score_weights"] = given["training"]["score_weights"]
    for section in SECTIONS if is_trained(path) else UNTRAINED:
        assert filled[section] == given[section]
    assert nlp.pipe_names == config["nlp"]["pipeline"]


@pytest.mark.parametrize("path", CONFIGS)
def test_the_sections_of_all_configs_have_one_order(path: Path) -> None:
    lines = path.read_text(encoding="utf8").splitlines()
    sections = [line.strip("[]") for line in lines if line.startswith("[")]
    assert lines[0].startswith("# ")
    assert list(dict.fromkeys(name.split(".")[0] for name in sections)) == list(ORDER if is_trained(path) else UNTRAINED)
    components = [name.split(".")[1] for name in sections if name.startswith("components.")]
    assert list(dict.fromkeys(components)) == load_config(path)["nlp"]["pipeline"]
    corpora = [name for name in sections if name in ("corpora.train", "corpora.dev")]
    assert corpora == (["corpora.train", "corpora.dev"] if is_trained(path) else [])
