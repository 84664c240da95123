from pathlib import Path
from typing import Any

import pytest
import srsly

from spacy_slm_ner.errors import LabelError, ReadError
from spacy_slm_ner.labels.guidelines import Label, read_guidelines

ROOT = Path(__file__).parents[2]


def write(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "labels.yml"
    path.write_text(content if isinstance(content, str) else srsly.yaml_dumps(content), encoding="utf8")
    return path


def test_the_spec_of_generate_holds_guidelines() -> None:
    guidelines = read_guidelines(ROOT / "configs" / "scheduling.yml")
    assert list(guidelines.labels) == ["DATE", "TIME", "NAME", "EMAIL"]
    assert guidelines.labels["TIME"].examples[0] == "6 pm"


def test_labels_alone_are_enough(tmp_path: Path) -> None:
    guidelines = read_guidelines(write(tmp_path, {"labels": {"JOB TITLE": {"description": "A job.\n"}}}))
    assert guidelines.labels == {"JOB TITLE": Label(description="A job.")}


def test_a_summary_has_one_line() -> None:
    assert Label(description="A day,\n  or a\tstretch of days.\n").summary == "A day, or a stretch of days."


def test_entries_come_in_the_order_of_the_labels_of_the_data(tmp_path: Path) -> None:
    guidelines = read_guidelines(write(tmp_path, {"labels": {name: {"description": name} for name in "ABC"}}))
    assert list(guidelines.select(["C", "A"])) == ["C", "A"]


def test_a_label_without_an_entry_is_an_error(tmp_path: Path) -> None:
    guidelines = read_guidelines(write(tmp_path, {"labels": {"DATE": {"description": "A day."}}}))
    with pytest.raises(LabelError, match=r"labels\.yml describe \['DATE'\], not \['TIME'\]\. Add `LABEL: "):
        guidelines.select(["DATE", "TIME"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("- DATE\n", "holds list, guidelines are a mapping `labels: ", id="list"),
        pytest.param("a: [", "is not YAML: ", id="no-yaml"),
        pytest.param({"domain": "x"}, "labels: Field required", id="no-labels"),
        pytest.param({"labels": {}}, "labels: .*at least 1", id="empty"),
        pytest.param({"labels": {"DATE": "A day."}}, r"labels\.DATE: .*got 'A day\.'", id="text-alone"),
        pytest.param({"labels": {"DATE": {"examples": ["x"]}}}, r"labels\.DATE\.description: Field required", id="undescribed"),
        pytest.param({"labels": {"DATE": {"description": "x", "exmples": []}}}, "Extra inputs are not permitted", id="typo"),
        pytest.param({"labels": {"O": {"description": "x"}}}, "got the name 'O'", id="name"),
    ],
)
def test_another_file_is_an_error(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(ReadError, match=message):
        read_guidelines(write(tmp_path, content))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"Cannot read .*absent\.yml: No such file or directory\. Name an existing file\."):
        read_guidelines(tmp_path / "absent.yml")
