from pathlib import Path
from typing import Any

import pytest
import srsly

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.synthesis.spec import Spec, read_spec

SMALL = {"domain": "Bookings", "labels": {"DATE": {"description": "A day."}}}


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "spec.yml"
    path.write_text(content if isinstance(content, str) else srsly.yaml_dumps(content), encoding="utf8")
    return path


def test_the_ready_spec_is_valid(scheduling: Spec) -> None:
    assert list(scheduling.labels) == ["DATE", "TIME", "NAME", "EMAIL"]
    assert scheduling.model == "gpt-4.1-mini"


def test_names_may_hold_spaces(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, {**SMALL, "labels": {"JOB TITLE": {"description": "x"}}, "intents": {"ask for": "y"}}))
    assert (list(spec.labels), list(spec.intents)) == (["JOB TITLE"], ["ask for"])


def test_a_spec_needs_a_domain_and_labels_only(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, SMALL))
    assert (spec.records, spec.intents, spec.per_request) == (400, {}, 5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"domian": "x"}, r"domian: Extra inputs are not permitted, got 'x'\. The fields are domain, labels"),
        ({"labels": {}}, r"labels: .*at least 1"),
        ({"labels": {"O": {"description": "x"}}}, r"got the name 'O', allowed is text on one line"),
        ({"labels": {"A\nB": {"description": "x"}}}, r"got the name 'A\\nB'"),
        ({"records": 0}, r"records: .*greater than or equal to 1, got 0"),
        ({"lengths": {"short": {"words": [9, 3]}}}, r"got words = \[9, 3\], allowed are \[least, most\]"),
        ({"intent_weights": {"cancel": 2}}, r"intent_weights names \['cancel'\], but the intents are \[\]"),
        ({"edge_cases": [{"ask": "a", "share": 0.7}, {"ask": "b", "share": 0.7}]}, "add up to more than 1"),
        ({"without_entities": 1.5}, "without_entities: .*less than or equal to 1"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        read_spec(write(tmp_path, {**SMALL, **change}))


@pytest.mark.parametrize(("content", "message"), [("- a\n- b\n", "holds list, a spec is a mapping"), ("a: [", "is not YAML")])
def test_what_is_no_spec_is_refused(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=message):
        read_spec(write(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Cannot read"):
        read_spec(tmp_path / "none.yml")
