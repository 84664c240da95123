import json
from pathlib import Path
from typing import Callable

import pytest
from click.testing import Result
from spacy.language import Language
from spacy.tokens import Doc, DocBin

Run = Callable[..., Result]
SOUND = ("Ada comes Friday", "Ada/NAME Friday/DATE", "inquiry")
EMPTY = ("not this time", "", "cancel")
DAMAGED = ("Bob comes", "Bob/NAME Monday/DATE", "inquiry")

CONLL = "Ada B-NAME\ncomes O\n\nnot O\nFriday B-DATE\n"


@pytest.fixture
def read(nlp: Language) -> Callable[[Path], list[Doc]]:
    return lambda path: list(DocBin().from_disk(path).get_docs(nlp.vocab))


def entities(docs: list[Doc]) -> list[list[tuple[str, str]]]:
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


def test_records_become_docs_with_entities_and_intents(run: Run, write_records: Callable, read: Callable, tmp_path: Path) -> None:
    result = run("convert", write_records("a.json", SOUND, EMPTY), "--output", tmp_path / "a.spacy")
    assert (result.exit_code, result.stderr) == (0, "")
    docs = read(tmp_path / "a.spacy")
    assert entities(docs) == [[("Ada", "NAME"), ("Friday", "DATE")], []]
    assert [doc.cats for doc in docs] == [{"cancel": 0.0, "inquiry": 1.0}, {"cancel": 1.0, "inquiry": 0.0}]
    assert all(doc.has_annotation("ENT_IOB") for doc in docs)


def test_sound_records_are_summed_up_in_one_line(run: Run, write_records: Callable, tmp_path: Path) -> None:
    target = tmp_path / "a.spacy"
    result = run("convert", write_records("a.json", SOUND, EMPTY), "-o", target)
    assert result.stdout == f"2 docs (1 without entity; 1 DATE, 1 NAME) -> {target}\n"


def test_conll_columns_become_docs(run: Run, read: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.conll").write_text(CONLL)
    assert run("convert", tmp_path / "a.conll", "-o", tmp_path / "a.spacy").exit_code == 0
    docs = read(tmp_path / "a.spacy")
    assert [[token.text for token in doc] for doc in docs] == [["Ada", "comes"], ["not", "Friday"]]
    assert entities(docs) == [[("Ada", "NAME")], [("Friday", "DATE")]]


def test_format_overrules_the_suffix(run: Run, read: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(CONLL)
    assert run("convert", tmp_path / "a.json", "-o", tmp_path / "a.spacy", "--format", "conll").exit_code == 0
    assert len(read(tmp_path / "a.spacy")) == 2


def test_several_files_become_one_docbin_in_a_new_folder(
    run: Run, write_records: Callable, read: Callable, tmp_path: Path
) -> None:
    first, second, target = (
        write_records("a.json", EMPTY),
        write_records("b.json", SOUND),
        tmp_path / "new" / "folder" / "all.spacy",
    )
    assert run("convert", second, first, "-o", target).exit_code == 0
    assert [doc.text for doc in read(target)] == ["Ada comes Friday", "not this time"]


def test_a_folder_gets_one_docbin_and_one_report_for_each_file(
    run: Run, write_records: Callable, read: Callable, tmp_path: Path
) -> None:
    sources = [write_records("a.json", EMPTY), write_records("b.json", SOUND)]
    result = run("convert", *sources, "-o", tmp_path / "corpus", "--report", tmp_path / "found")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 2)
    assert [doc.text for name in "ab" for doc in read(tmp_path / "corpus" / f"{name}.spacy")] == [
        "not this time",
        "Ada comes Friday",
    ]
    assert [json.loads((tmp_path / "found" / f"{name}.json").read_text(encoding="utf8"))["docs"] for name in "ab"] == [1, 1]


def test_files_of_the_same_name_do_not_fit_into_a_folder(fails: Callable[..., str], tmp_path: Path) -> None:
    said = fails("convert", tmp_path / "eng.train", tmp_path / "eng.testa", "-o", tmp_path / "corpus")
    assert "for files of the same name" in said and "Convert them one by one" in said


def test_labels_and_intents_are_those_allowed(run: Run, write_records: Callable, read: Callable, tmp_path: Path) -> None:
    source, target = write_records("a.json", SOUND, EMPTY), tmp_path / "a.spacy"
    result = run("convert", source, "-o", target, "--labels", "DATE, TIME", "--intents", "inquiry,thanks")
    assert result.exit_code == 0
    docs = read(target)
    assert entities(docs) == [[("Friday", "DATE")], []]
    assert [doc.cats for doc in docs] == [{"inquiry": 1.0, "thanks": 0.0}, {}]


def test_language_names_the_tokenizer(run: Run, write_records: Callable, read: Callable, tmp_path: Path) -> None:
    source = write_records("a.json", ("c'est l'eau", "", "inquiry"))
    assert run("convert", source, "-o", tmp_path / "a.spacy", "--lang", "fr").exit_code == 0
    assert [token.text for token in read(tmp_path / "a.spacy")[0]] == ["c'", "est", "l'", "eau"]


@pytest.mark.parametrize(
    ("policy", "docs", "said"),
    [
        pytest.param("repair", 2, "the word is not in the text; left out", id="repair"),
        pytest.param("skip", 1, "record left out", id="skip"),
    ],
)
def test_damage_is_counted_with_what_was_done_about_it(
    run: Run, write_records: Callable, read: Callable, tmp_path: Path, policy: str, docs: int, said: str
) -> None:
    result = run("convert", write_records("a.json", SOUND, DAMAGED), "-o", tmp_path / "a.spacy", "--on-error", policy)
    assert len(read(tmp_path / "a.spacy")) == docs
    (row,) = [line for line in result.stdout.splitlines() if "missing" in line]
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == ["missing", "1", said]


def test_report_accounts_for_everything(run: Run, write_records: Callable, tmp_path: Path) -> None:
    source, target = write_records("a.json", SOUND, DAMAGED, EMPTY), tmp_path / "new" / "a.json"
    run("convert", source, "-o", tmp_path / "a.spacy", "--report", target)
    assert json.loads(target.read_text(encoding="utf8")) == {
        "inputs": [str(source)],
        "docs": 3,
        "docs_without_entity": 1,
        "entities": {"DATE": 1, "NAME": 2},
        "intents": ["cancel", "inquiry"],
        "schemes": {},
        "on_error": "repair",
        "counts": {"missing": 1},
        "findings": [
            {"file": str(source), "record": 2, "kind": "missing", "reason": "'Monday' not found", "text": "Bob comes"},
        ],
    }


def test_report_names_the_scheme_of_conll_files(run: Run, tmp_path: Path) -> None:
    source = tmp_path / "a.conll"
    source.write_text("Ada U-NAME\n")
    run("convert", source, "-o", tmp_path / "a.spacy", "--report", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["schemes"] == {str(source): "BILUO"}


@pytest.mark.parametrize(
    ("name", "content", "options", "error", "message"),
    [
        pytest.param("a.doc", "", [], "ReadError", "Cannot tell the format of ", id="unknown-suffix"),
        pytest.param("a.json", "{", [], "ReadError", "a.json is not valid JSON: ", id="broken-json"),
        pytest.param("a.json", "{}", [], "ReadError", "a.json holds JSON without a list of records.", id="no-records"),
        pytest.param("a.conll", "Ada\n", [], "ReadError", "a.conll, line 1: got 'Ada'.", id="one-column"),
        pytest.param("a.conll", "Ada X-NAME\n", [], "ReadError", "Got the tag 'X-NAME'.", id="unknown-tag"),
        pytest.param("a.conll", "Ada U-NAME\n", ["--scheme", "IOB2"], "SchemeError", "said to be IOB2", id="another-scheme"),
        pytest.param(
            "a.conll",
            "Ada B-NAME\nand O\nBob I-NAME\n",
            ["--on-error", "fail"],
            "DamageError",
            "'Bob': 'I-NAME' without B- before it",
            id="damage",
        ),
    ],
)
def test_faulty_input_ends_with_a_message_and_no_output(
    fails: Callable, tmp_path: Path, name: str, content: str, options: list[str], error: str, message: str
) -> None:
    source, target = tmp_path / name, tmp_path / "a.spacy"
    source.write_text(content)
    said = fails("convert", source, "-o", target, *options)
    assert said.startswith(f"Error: {error}: ")
    assert message in said
    assert not target.exists()


def test_missing_file_is_named(fails: Callable, tmp_path: Path) -> None:
    source = tmp_path / "missing.json"
    said = fails("convert", source, "-o", tmp_path / "a.spacy")
    assert said == f"Error: ReadError: Cannot read {source}: No such file or directory. Name an existing file.\n"


def test_first_damage_is_named_where_the_policy_is_to_fail(fails: Callable, write_records: Callable, tmp_path: Path) -> None:
    source = write_records("a.json", SOUND, DAMAGED)
    said = fails("convert", source, "-o", tmp_path / "a.spacy", "--on-error", "fail")
    assert f"DamageError: {source}, record 2: 'Monday' not found" in said
    assert "Text: 'Bob comes'. Correct the record, or use --on-error repair or skip." in said


def test_unknown_language_is_named(fails: Callable, write_records: Callable, tmp_path: Path) -> None:
    assert "'qq'" in fails("convert", write_records("a.json", SOUND), "-o", tmp_path / "a.spacy", "--lang", "qq")


def test_path_with_brackets_is_printed_as_it_is(run: Run, write_records: Callable, tmp_path: Path) -> None:
    target = tmp_path / "a[draft].spacy"
    assert f"-> {target}\n" in run("convert", write_records("a.json", SOUND), "-o", target).stdout


@pytest.mark.parametrize("option", [["--on-error", "guess"], ["--scheme", "IOB9"], ["--format", "xml"]], ids=lambda o: o[0])
def test_unknown_choice_is_refused(run: Run, tmp_path: Path, option: list[str]) -> None:
    result = run("convert", tmp_path / "a.json", "-o", tmp_path / "a.spacy", *option)
    assert result.exit_code == 2
    assert f"'{option[1]}' is not one of" in result.stderr
