import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.records.read_conll import Sentence, read_sentences


@pytest.fixture
def read(tmp_path):
    def _read(content):
        path = tmp_path / "sentences.conll"
        path.write_bytes(content.encode("utf8"))
        return read_sentences(path)

    return _read


TWO = [Sentence(1, ("See", "Ann"), ("O", "B-PER")), Sentence(4, ("Go",), ("O",))]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("See\tO\nAnn\tB-PER\n\nGo\tO\n\n", id="tabs"),
        pytest.param("See O\nAnn B-PER\n\nGo O\n", id="spaces"),
        pytest.param("See  O\nAnn   B-PER\n\nGo  O", id="several spaces, no line feed at the end"),
        pytest.param("See\tO\nAnn\tB-PER\n\t\nGo\tO\n", id="separator of a tab"),
        pytest.param("See\tO\nAnn\tB-PER\n\t\t \nGo\tO\n", id="separator of tabs and spaces"),
        pytest.param("See\tO\r\nAnn\tB-PER\r\n\r\nGo\tO\r\n", id="CRLF"),
        pytest.param("\ufeffSee\tO\nAnn\tB-PER\n\nGo\tO\n", id="byte order mark"),
        pytest.param("See O \nAnn B-PER\t\n\nGo O \n", id="white space at the end of lines"),
        pytest.param("See VB I-VP O\nAnn NNP I-NP B-PER\n\nGo VB I-VP O\n", id="four columns"),
        pytest.param("See\tVB\tO\nAnn\t\tB-PER\n\nGo\tVB\tO\n", id="an empty column"),
    ],
)
def test_sentences_are_read(read, content):
    assert read(content) == TWO


def test_docstart_lines_end_a_sentence_and_are_no_words(read):
    content = "-DOCSTART- -X- O O\n\nSee O\n-DOCSTART- -X- O O\nGo O\n\n\n-DOCSTART-\n"
    assert [(line, words) for line, words, _ in read(content)] == [(3, ("See",)), (5, ("Go",))]


def test_several_empty_lines_are_one_separator(read):
    assert [(line, words) for line, words, _ in read("\n\nSee O\n\n \n\t\nGo O\n\n\n")] == [(3, ("See",)), (7, ("Go",))]


def test_a_word_may_hold_spaces_where_tabs_part_the_columns(read):
    assert read("New York\tB-LOC\n2 1/2\tO\n") == [Sentence(1, ("New York", "2 1/2"), ("B-LOC", "O"))]


@pytest.mark.parametrize("content", ["", "\n\n", "\t\n", "-DOCSTART- O\n\n"], ids=["empty", "blank", "tab", "docstart"])
def test_a_file_without_words_has_no_sentence(read, content):
    assert read(content) == []


@pytest.mark.parametrize("line", ["Ann", "Ann\t", "\tB-PER", " B-PER"], ids=["word", "word, tab", "tab, tag", "tag"])
def test_a_single_column_is_refused_with_its_line_number(read, line):
    with pytest.raises(ReadError, match=r"sentences.conll, line 4: got .*at least two columns, the word first and the tag last"):
        read(f"See\tO\n\nGo\tO\n{line}\nBob\tB-PER\n")


def test_an_empty_word_column_is_refused(read):
    with pytest.raises(ReadError, match=r"sentences.conll, line 1: got"):
        read("\tNN\tO\n")
