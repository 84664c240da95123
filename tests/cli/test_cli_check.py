import json
import shutil
from pathlib import Path
from typing import Callable

import pytest
from click.testing import Result

Run = Callable[..., Result]
ASSETS = Path(__file__).parents[2] / "assets"
FILES = [ASSETS / f"{name}.json" for name in ("train", "dev", "test")]
OPTIONS = ["--forms", ASSETS / "forms.json", "--word", "cancel", "--disjoint", "NAME,EMAIL"]

TRAIN = ("Ada comes on Friday", "Ada/NAME Friday/DATE", "inquiry")
TEST = ("please cancel with Bob", "Bob/NAME", "cancel")


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copy(ASSETS / "README.md", tmp_path_factory.mktemp("assets")))


@pytest.fixture(scope="module")
def checked(run: Run, readme: Path) -> Result:
    """The check of the project's own records."""
    return run("check", *FILES, *OPTIONS, "--readme", readme)


def test_records_of_the_project_pass(checked: Result) -> None:
    assert [line for line in checked.stdout.splitlines() if line.startswith("Fault")] == []
    assert (checked.exit_code, checked.stderr) == (0, "")


def test_counts_of_the_project_are_up_to_date(checked: Result, readme: Path) -> None:
    assert readme.read_text(encoding="utf8") == (ASSETS / "README.md").read_text(encoding="utf8")


def test_counts_are_printed(run: Run, write_records: Callable) -> None:
    result = run("check", write_records("train.json", TRAIN), write_records("test.json", TEST), "--word", "cancel")
    assert result.exit_code == 0
    for line in (
        "|  | train | test |",
        "| texts | 1 | 1 |",
        "| DATE entities | 1 | 0 |",
        "| `cancel` texts with it | 0 of 0 (0%) | 1 of 1 (100%) |",
    ):
        assert line in result.stdout.splitlines()


def test_text_that_leaks_from_train_into_test_is_a_fault(run: Run, write_records: Callable) -> None:
    longer = ("Ada comes on Friday!", "Ada/NAME Friday/DATE", "inquiry")
    result = run("check", write_records("train.json", TRAIN), write_records("test.json", TEST, longer))
    assert result.exit_code == 1
    message = "Fault: near-duplicates (0.94) in train and test: 'Ada comes on Friday' and 'Ada comes on Friday!'"
    assert message in result.stdout.splitlines()


def test_near_duplicates_count_from_the_similarity_given(run: Run, write_records: Callable) -> None:
    longer = ("Ada comes on Friday!", "Ada/NAME Friday/DATE", "inquiry")
    files = write_records("train.json", TRAIN), write_records("test.json", longer)
    assert run("check", *files, "--similarity", "0.95").exit_code == 0


def test_same_text_twice_in_a_file_is_a_fault(run: Run, write_records: Callable) -> None:
    source = write_records("train.json", TRAIN, TRAIN)
    result = run("check", source)
    assert result.exit_code == 1
    assert f"Fault: {source}, record 2: duplicate_text, first in {source}, record 1" in result.stdout.splitlines()


def test_damage_is_a_fault(run: Run, write_records: Callable) -> None:
    source = write_records("train.json", TRAIN, ("Bob comes", "Monday/DATE"))
    result = run("check", source)
    assert result.exit_code == 1
    assert f"Fault: {source}, record 2: missing, 'Monday' not found" in result.stdout.splitlines()


@pytest.mark.parametrize(
    ("least", "faults"),
    [
        pytest.param("0.5", [], id="enough"),
        pytest.param("0.6", ["Fault: only 1 of 2 NAME strings of test are new, at least 60% should be"], id="too-few"),
    ],
)
def test_known_strings_in_test_are_a_fault(run: Run, write_records: Callable, least: str, faults: list[str]) -> None:
    test = write_records("test.json", TEST, ("did ADA get my letter of yesterday", "ADA/NAME"))
    result = run("check", write_records("train.json", TRAIN), test, "--disjoint", "NAME", "--least-unseen", least)
    assert [line for line in result.stdout.splitlines() if line.startswith("Fault")] == faults
    assert result.exit_code == bool(faults)


def test_counts_are_put_between_the_marks_of_a_readme(run: Run, write_records: Callable, tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- CENSUS START -->\nold\n<!-- CENSUS END -->\nafter\n")
    result = run("check", write_records("train.json", TRAIN), "--readme", readme)
    page = f"before\n<!-- CENSUS START -->\n{result.stdout}<!-- CENSUS END -->\nafter\n"
    assert readme.read_text(encoding="utf8") == page


def test_readme_without_marks_is_refused(fails: Callable, write_records: Callable, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing")
    said = fails("check", write_records("train.json", TRAIN), "--readme", tmp_path / "README.md")
    assert "ReadError: " in said
    assert "has no place for the counts" in said


def test_forms_are_counted(run: Run, write_records: Callable, tmp_path: Path) -> None:
    forms = tmp_path / "forms.json"
    forms.write_text(json.dumps({"DATE": {"ends in day": "day$", "has a digit": r"\d"}}))
    lines = run("check", write_records("train.json", TRAIN), "--forms", forms).stdout.splitlines()
    assert "| ends in day | 1 |" in lines
    assert "| has a digit | 0 |" in lines


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="no-file"),
        pytest.param("{", id="no-json"),
        *(
            pytest.param(content, id=name)
            for name, content in [
                ("no-object", "[1]"),
                ("pattern-without-a-name", '{"DATE": "day$"}'),
                ("no-regular-expression", '{"DATE": {"open": "("}}'),
            ]
        ),
    ],
)
def test_forms_that_cannot_be_read(fails: Callable, write_records: Callable, tmp_path: Path, content: str | None) -> None:
    forms = tmp_path / "forms.json"
    if content is not None:
        forms.write_text(content)
    assert f"ReadError: Cannot read the forms in {forms}: " in fails(
        "check", write_records("train.json", TRAIN), "--forms", forms
    )


def test_missing_file_is_named(fails: Callable, tmp_path: Path) -> None:
    assert f"ReadError: Cannot read {tmp_path}/train.json: " in fails("check", tmp_path / "train.json")
