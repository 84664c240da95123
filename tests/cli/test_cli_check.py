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


@pytest.mark.parametrize("content", [b"# Mine", b"", b"caf\xe9"], ids=["no-marks", "empty", "latin-1"])
def test_readme_without_a_place_is_left_alone(run: Run, write_records: Callable, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "README.md").write_bytes(content)
    result = run("check", write_records("train.json", TRAIN), "--readme", tmp_path / "README.md")
    assert result.exit_code == 0
    assert "Note: the counts are printed only. " in result.stdout
    assert (tmp_path / "README.md").read_bytes() == content


def test_readme_is_made_if_there_is_none(run: Run, write_records: Callable, tmp_path: Path) -> None:
    source = write_records("train.json", TRAIN)
    first = run("check", source, "--readme", tmp_path / "new" / "README.md")
    assert first.exit_code == 0
    page = (tmp_path / "new" / "README.md").read_text(encoding="utf8")
    assert page == f"# Records\n\n<!-- CENSUS START -->\n{first.stdout}<!-- CENSUS END -->\n"
    assert run("check", source, "--readme", tmp_path / "new" / "README.md").exit_code == 0
    assert (tmp_path / "new" / "README.md").read_text(encoding="utf8") == page


MENDED = ("bob comes", "Bob/NAME")
LOST_WORD = ("Eve comes", "Monday/DATE")
LOST = ("", "")


@pytest.mark.parametrize(
    ("damaged", "on_error", "kind", "faulty"),
    [
        pytest.param(MENDED, "repair", "folded", False, id="another-case-is-mended"),
        pytest.param(MENDED, "skip", "folded", False, id="another-case-is-skipped"),
        pytest.param(MENDED, "fail", "folded", True, id="another-case-fails"),
        pytest.param(LOST_WORD, "repair", "missing", False, id="missing-word-is-left-out"),
        pytest.param(LOST_WORD, "fail", "missing", True, id="missing-word-fails"),
        pytest.param(TRAIN, "repair", "duplicate_text", False, id="one-of-two-is-kept"),
        pytest.param(TRAIN, "fail", "duplicate_text", True, id="two-fail"),
        pytest.param(LOST, "repair", "empty_text", True, id="nothing-to-mend"),
        pytest.param(LOST, "skip", "empty_text", False, id="nothing-is-skipped"),
    ],
)
def test_damage_is_a_fault_where_on_error_does_not_take_care_of_it(
    run: Run, write_records: Callable, damaged: tuple[str, str], on_error: str, kind: str, faulty: bool
) -> None:
    result = run("check", write_records("train.json", TRAIN, damaged), "--on-error", on_error)
    assert result.exit_code == int(faulty)
    lines = [line for line in result.stdout.splitlines() if kind in line]
    assert [line.split(":")[0] for line in lines] == ["Fault" if faulty else "Note"]
    if not faulty:
        assert lines[0].startswith(f"Note: 1 x {kind}: ") and "record 2" in lines[0]


def test_counts_are_those_of_what_is_kept(run: Run, write_records: Callable) -> None:
    source = write_records("train.json", TRAIN, MENDED)
    assert "| texts | 2 |" in run("check", source, "--on-error", "repair").stdout
    assert "| texts | 1 |" in run("check", source, "--on-error", "skip").stdout


def test_a_file_of_which_nothing_is_left_is_a_fault(run: Run, write_records: Callable) -> None:
    result = run("check", write_records("train.json", MENDED), "--on-error", "skip")
    assert result.exit_code == 1
    assert "Fault: train holds no record that can be used" in result.stdout


@pytest.mark.parametrize(
    ("options", "faulty"),
    [
        pytest.param(["--labels", "DATE,TIME"], True, id="other-labels"),
        pytest.param(["--labels", ""], False, id="any-label"),
        pytest.param(["--labels", "person/actor,JOB TITLE,name"], False, id="all-labels"),
        pytest.param(["--labels", '["JOB TITLE", "person/actor", "name"]'], False, id="all-labels-as-json"),
        pytest.param(["--intents", "inquiry,cancel"], True, id="other-intents"),
        pytest.param(["--intents", ""], False, id="any-intent"),
        pytest.param(["--intents", "book a table"], False, id="one-intent"),
    ],
)
@pytest.mark.parametrize("on_error", ["repair", "skip"])
def test_a_list_of_other_names_is_a_fault(run: Run, tmp_path: Path, options: list[str], faulty: bool, on_error: str) -> None:
    pairs = {"Ada": "person/actor", "cook": "JOB TITLE", "Bob": "NAME"}
    texts = {word: f"here is {word} in all {len(word) * 'x'} places {word.upper()}" for word in pairs}
    records = [
        {"text": texts[word], "labels": [{"word": word, "label": f"B-{label}"}], "intent": "book a table"}
        for word, label in pairs.items()
    ]
    (tmp_path / "train.json").write_text(json.dumps(records))
    result = run("check", tmp_path / "train.json", "--on-error", on_error, *options)
    faults = [line for line in result.stdout.splitlines() if "would be lost" in line]
    assert (bool(faults), result.exit_code) == (faulty, int(faulty)), result.stdout


def test_a_slip_in_a_name_is_no_wrong_list(run: Run, write_records: Callable) -> None:
    names = ["Ada", "Bob", "Eve", "Kim", "Lee"]
    records = [(f"{name} {name * 2} comes {name * 3}", f"{name}/{'NAEM' if name == 'Lee' else 'NAME'}") for name in names]
    result = run("check", write_records("train.json", *records), "--labels", "NAME", "--on-error", "repair")
    assert result.exit_code == 0
    assert "Note: 1 x unknown_label: " in result.stdout


def test_what_was_asked_for_and_is_not_there_has_no_table(run: Run, write_records: Callable) -> None:
    texts = [("der Hund bellt laut", "Hund/TIER", "lob"), ("die Katze schläft viel", "Katze/TIER", "tadel")]
    files = write_records("train.json", texts[0]), write_records("test.json", texts[1])
    result = run("check", *files, *OPTIONS, "--lang", "de")
    assert result.exit_code == 0
    assert " 0 of 0" not in "\n".join(line for line in result.stdout.splitlines() if "texts with it" not in line)
    assert "give the intent away" not in result.stdout and "forms |" not in result.stdout
    assert "Note: no text has the word 'cancel', so there is no table of it" in result.stdout
    assert "Note: no entity has the labels NAME, EMAIL, so there is no table of the new strings of them" in result.stdout


@pytest.mark.parametrize("intents", [("", ""), ("one", "one"), ("one", "")], ids=["none", "one", "some"])
def test_records_may_lack_intents(run: Run, tmp_path: Path, intents: tuple[str, str]) -> None:
    texts = ["Ada comes on Friday", "Ada, please write to Bob"]
    labels = [{"word": "Ada", "label": "B-NAME"}]
    records = [{"text": text, "labels": labels, **({"intent": intent} if intent else {})} for text, intent in zip(texts, intents)]
    (tmp_path / "train.json").write_text(json.dumps(records))
    result = run("check", tmp_path / "train.json", "--word", "comes", "--intents", "", "--labels", "", "--on-error", "repair")
    assert result.exit_code == 0
    assert ("intent" in result.stdout) == any(intents)


def test_known_strings_in_test_are_a_note_if_no_share_is_asked_for(run: Run, write_records: Callable) -> None:
    test = write_records("test.json", ("did ADA get my letter of yesterday", "ADA/NAME"))
    result = run("check", write_records("train.json", TRAIN), test, "--disjoint", "NAME")
    assert result.exit_code == 0
    assert "Note: only 0 of 1 NAME strings of test are new, at least 70% should be" in result.stdout


@pytest.mark.parametrize(
    ("lang", "tokenizer", "code"),
    [("en", "spacy.Tokenizer.v1", 0), ("zh", "spacy.zh.ChineseTokenizer", 0), ("zh", "spacy.Tokenizer.v1", 1), ("zh", "", 0)],
)
def test_records_and_pipelines_have_the_same_tokens(
    run: Run, write_records: Callable, lang: str, tokenizer: str, code: int
) -> None:
    result = run("check", write_records("train.json", TRAIN), "--lang", lang, "--tokenizer", tokenizer)
    assert result.exit_code == code
    assert ("--tokenizer spacy.zh.ChineseTokenizer" in result.stdout) == bool(code)


def test_no_forms_under_an_empty_name(run: Run, write_records: Callable) -> None:
    assert run("check", write_records("train.json", TRAIN), "--forms", "").exit_code == 0


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


def test_records_without_any_entity_are_a_fault(run: Run, write_records: Callable) -> None:
    result = run(
        "check", write_records("train.json", ("Ada comes", "", "inquiry")), write_records("test.json", ("No", "", "cancel"))
    )
    assert result.exit_code == 1
    assert "Fault: no record has an entity, so there is no entity recogniser to train" in result.stdout
