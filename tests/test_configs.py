"""The shipped configs: complete, so that nothing depends on a default that may change, and valid."""

from pathlib import Path

import pytest
from spacy.util import load_config, load_model_from_config

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.cfg"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_is_complete_and_valid(path: Path) -> None:
    config = load_config(path, overrides={"paths.train": "corpus/train.spacy"})
    nlp = load_model_from_config(config, auto_fill=True, validate=True)
    filled, given = nlp.config.interpolate(), config.interpolate()
    # spaCy adds a weight of null for every score that a component could have.
    filled["training"]["score_weights"] = given["training"]["score_weights"]
    for section in ("nlp", "components", "corpora", "training"):
        assert filled[section] == given[section]
    assert nlp.pipe_names == config["nlp"]["pipeline"]
