import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.records.record_to_doc import record_to_doc
from spacy_slm_ner.records.schema import Record, WordLabel
from spacy_slm_ner.records.statistics import RecordFile, RecordStatistics
from spacy_slm_ner.records.statistics_page import END, START, insert_page, statistics_page

FORMS = {"TIME": {"12 h": "pm$", "24 h": ":"}, "TEXT": {"question": r"\?$"}}


@pytest.fixture(scope="module")
def files(nlp):
    def _doc(text, intent, **entities):
        labels = [WordLabel(word=words, label=f"B-{label}") for label, words in entities.items()]
        return record_to_doc(Record(text=text, labels=labels, intent=intent), nlp, (), ("cancel", "inquiry"))[0]

    train = [
        _doc("Please cancel Ann at 4 pm", "cancel", NAME="Ann", TIME="4 pm"),
        _doc("Is it raining today?", "inquiry"),
        _doc("Is it raining today??", "inquiry"),
    ]
    return [RecordFile("train", train), RecordFile("test", [_doc("Call Bob off at 16:00", "cancel", NAME="Bob", TIME="16:00")])]


def test_the_whole_page(files):
    assert statistics_page(RecordStatistics(files, FORMS, "cancel", ["NAME"])) == (
        "|  | train | test |\n"
        "| --- | --- | --- |\n"
        "| texts | 3 | 1 |\n"
        "| without entity | 2 of 3 (67%) | 0 of 1 (0%) |\n"
        "| NAME entities | 1 | 1 |\n"
        "| TIME entities | 1 | 1 |\n"
        "| intent `cancel` | 1 | 1 |\n"
        "| intent `inquiry` | 2 | 0 |\n"
        "\n"
        "| does *cancel* give the intent away? | train | test |\n"
        "| --- | --- | --- |\n"
        "| `cancel` texts with it | 1 of 1 (100%) | 0 of 1 (0%) |\n"
        "| `inquiry` texts with it | 0 of 2 (0%) | 0 of 0 (0%) |\n"
        "\n"
        "| TIME forms | train | test |\n"
        "| --- | --- | --- |\n"
        "| 12 h | 1 | 0 |\n"
        "| 24 h | 0 | 1 |\n"
        "\n"
        "| texts with | train | test |\n"
        "| --- | --- | --- |\n"
        "| question | 2 | 0 |\n"
        "\n"
        "| strings of test that no other file has | new | of |\n"
        "| --- | --- | --- |\n"
        "| NAME | 1 | 1 |\n"
        "\n"
        "Near-duplicate texts (Jaccard similarity of 5-character shingles from 0.7): 0 across files, 1 within a file."
    )


def test_tables_that_were_not_asked_for_are_left_out(files):
    page = statistics_page(RecordStatistics(files))
    assert [line for line in page.splitlines() if line.startswith("| ---")] == ["| --- | --- | --- |"]


def test_near_duplicates_are_counted_across_and_within_files(files):
    page = statistics_page(RecordStatistics([files[0], RecordFile("test", files[0].docs[1:2])]))
    assert page.endswith(" from 0.7): 2 across files, 1 within a file.")


def test_a_file_without_texts_has_a_page(files):
    assert "| without entity | 2 of 3 (67%) | 0 of 0 (0%) |" in statistics_page(
        RecordStatistics([files[0], RecordFile("test", [])])
    )


@pytest.fixture
def readme(tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"# Records – é\n\n{START}\nold\n{END}\n\nMore.\n", encoding="utf8")
    return path


def test_the_page_replaces_what_stands_between_the_marks(readme):
    insert_page(readme, "new")
    assert readme.read_text(encoding="utf8") == f"# Records – é\n\n{START}\nnew\n{END}\n\nMore.\n"


def test_inserting_twice_is_inserting_once(readme):
    insert_page(readme, "new\n\nnew")
    once = readme.read_bytes()
    insert_page(readme, "new\n\nnew")
    assert readme.read_bytes() == once


@pytest.mark.parametrize("content", ["", START, END, f"{END}\n{START}\n"], ids=["none", "start", "end", "reversed"])
def test_a_file_without_both_marks_is_refused_and_left_alone(readme, content):
    readme.write_text(content, encoding="utf8")
    with pytest.raises(ReadError, match=f"README.md has no place for the counts. Put the lines {START} and {END} into it"):
        insert_page(readme, "new")
    assert readme.read_text(encoding="utf8") == content


def test_the_rest_of_the_file_keeps_its_line_ends(readme):
    readme.write_bytes(f"# Records\r\n{START}\r\n{END}\r\nMore.\r\n".encode())
    insert_page(readme, "new")
    assert b"# Records\r\n" in readme.read_bytes()


def test_a_bar_in_a_name_does_not_open_a_cell(files):
    page = statistics_page(RecordStatistics(files, {"TIME": {"am|pm": "[ap]m$"}}))
    assert r"| am\|pm | 1 | 0 |" in page
