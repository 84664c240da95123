from pathlib import Path
from typing import Callable

import pytest
import spacy
from spacy.language import Language

from spacy_slm_ner.cli._load import load_pipeline
from spacy_slm_ner.labelling.fingerprints import fingerprint, name_of

URL = "http://127.0.0.1:9/v1"


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        pytest.param("concurrency = 2\ntimeout = 9.0\nmax_cost = 3.0\ncache = 'x.sqlite'", True, id="how-it-is-asked"),
        pytest.param("temperature = 0.5", False, id="temperature"),
        pytest.param("seed = 1", False, id="seed"),
    ],
)
def test_only_what_decides_on_the_result_counts(write_config: Callable, settings: str, same: bool) -> None:
    settings = settings.replace("'", '"')
    one, other = (fingerprint(load_pipeline(write_config(URL, more))) for more in ("", settings))
    assert (one == other) is same


def test_a_file_of_guidelines_counts(write_config: Callable, tmp_path: Path) -> None:
    config, guidelines = Path(write_config(URL)), tmp_path / "guidelines.yml"
    found = []
    config.write_text(config.read_text() + f'guidelines = "{guidelines}"\n')
    for description in ("A first name.", "Any name."):
        guidelines.write_text(f"labels:\n  NAME: {{description: {description}}}\n  JOB TITLE: {{description: A job.}}\n")
        found.append(fingerprint(load_pipeline(str(config))))
    assert found[0] != found[1]


def test_the_files_of_a_stored_pipeline_count(make_ruler: Callable[..., Language], tmp_path: Path) -> None:
    make_ruler(NAME="Ada").to_disk(tmp_path / "one")
    make_ruler(NAME="Bo").to_disk(tmp_path / "two")
    make_ruler(NAME="Ada").to_disk(tmp_path / "three")
    one, two, three = (fingerprint(spacy.load(tmp_path / name)) for name in ("one", "two", "three"))
    assert one == three != two


def test_the_name_says_who_labels(make_ruler: Callable[..., Language]) -> None:
    nlp = make_ruler(NAME="Ada")
    assert name_of(nlp, "0123456789") == "en_pipeline-0.0.0 (01234567)"
    assert name_of(nlp, "0123456789", ["a", "b"], 3) == "a, b in en_pipeline-0.0.0 (01234567), 3 passes"
