import re

import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.records.read_conll import ColumnChoice, ConllSentence, read_conll_sentences


@pytest.fixture
def read(tmp_path):
    def _read(content, *columns):
        path = tmp_path / "sentences.conll"
        path.write_bytes(content.encode("utf8"))
        return read_conll_sentences(path, ColumnChoice(*columns))

    return _read


TWO = [ConllSentence(1, ("See", "Ann"), ("O", "B-PER")), ConllSentence(4, ("Go",), ("O",))]


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
    assert [(line, words) for line, words, *_ in read(content)] == [(3, ("See",)), (5, ("Go",))]


def test_several_empty_lines_are_one_separator(read):
    assert [(line, words) for line, words, *_ in read("\n\nSee O\n\n \n\t\nGo O\n\n\n")] == [(3, ("See",)), (7, ("Go",))]


def test_a_word_may_hold_spaces_where_tabs_part_the_columns(read):
    assert read("New York\tB-LOC\n2 1/2\tO\n") == [ConllSentence(1, ("New York", "2 1/2"), ("B-LOC", "O"))]


@pytest.mark.parametrize("content", ["", "\n\n", "\t\n", "-DOCSTART- O\n\n"], ids=["empty", "blank", "tab", "docstart"])
def test_a_file_without_words_has_no_sentence(read, content):
    assert read(content) == []


@pytest.mark.parametrize("line", ["Ann", "Ann\t", "\tB-PER", " B-PER"], ids=["word", "word, tab", "tab, tag", "tag"])
def test_a_single_column_costs_its_sentence(read, line):
    sound, bad, last = read(f"See\tO\n\nGo\tO\n{line}\nBob\tB-PER\n\nOn\tO\n")
    assert (sound.words, bad.words, last.words) == (("See",), (), ("On",)) and bad.line == 3
    assert re.search(r"sentences.conll, line 4: got .*at least two columns, the word first and the tag last", bad.fault)


def test_an_empty_word_column_is_refused(read):
    with pytest.raises(ReadError, match=r"sentences.conll, line 1: got"):
        read("\tNN\tO\n")


@pytest.mark.parametrize(
    "space", ["\u00a0", "\u2009", "\u202f", "\u3000", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii
)
def test_other_spaces_belong_to_words(read, space):
    assert read(f"10{space}000 B-MONEY\n{space} O\n{space}\tO\n") == [
        ConllSentence(1, (f"10{space}000", space, space), ("B-MONEY", "O", "O"))
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("# id 12 domain=en\nSee _ _ O\nAnn _ _ B-PER\n\n# id 13 domain=en\nGo _ _ O\n", id="MultiCoNER"),
        pytest.param("# sent_id = 1\n# text = See Ann\nSee\tO\nAnn\tB-PER\n\n# sent_id = 2\nGo\tO\n", id="CoNLL-U"),
        pytest.param("#\nSee O\nAnn B-PER\n\n#comment\nGo O\n", id="short"),
        pytest.param("# O\nAnn B-PER\n\n# text\nGo O\n", id="one of each"),
    ],
)
def test_comments_are_no_words(read, content):
    words = [sentence.words for sentence in read(content)]
    assert words in ([("See", "Ann"), ("Go",)], [("#", "Ann"), ("Go",)])


def test_a_hash_with_a_tag_is_a_word(read):
    assert read("# O\n#win B-TAG\n#\tO\n")[0].words == ("#", "#win", "#")


TAGS = [
    pytest.param(["O", "PER", "PER", "LOC"], ["O", "I-PER", "I-PER", "I-LOC"], id="bare"),
    pytest.param(["O", "person-actor", "O", "O"], ["O", "I-person-actor", "O", "O"], id="Few-NERD"),
    pytest.param(["B-PER", "M-PER", "E-PER", "O"], ["B-PER", "I-PER", "E-PER", "O"], id="BMES"),
    pytest.param(["W-PER", "O", "M-LOC"], ["U-PER", "O", "I-LOC"], id="BMEWO"),
    pytest.param(["PER-B", "PER-I", "O"], ["B-PER", "I-PER", "O"], id="prefix behind"),
    pytest.param(["B_PER", "I_PER", "O"], ["B-PER", "I-PER", "O"], id="underscores"),
    pytest.param(["ner=B-PER", "ner=I-PER", "ner=O"], ["B-PER", "I-PER", "O"], id="features"),
    pytest.param(["name=B-PER", "O", "_", "o"], ["B-PER", "O", "O", "O"], id="other ways to be outside"),
    pytest.param(["b-PER", "i-PER", "O"], ["B-PER", "I-PER", "O"], id="lower case"),
]


@pytest.mark.parametrize(("written", "tags"), TAGS)
def test_tags_are_read_as_data_sets_write_them(read, written, tags):
    assert read("".join(f"w{i}\t{tag}\n" for i, tag in enumerate(written)))[0].tags == tuple(tags)


@pytest.mark.parametrize("tag", ["X-PER", "12", "PER"])
def test_a_tag_among_others_that_cannot_be_read_costs_its_sentence(read, tag):
    sound, bad = read(f"See\tO\nAnn\tB-PER\n\nBob\t{tag}\n")
    assert sound.words == ("See", "Ann") and bad.words == () and f"line 4: Got the tag '{tag}'" in bad.fault


def test_a_file_in_which_no_sentence_can_be_read_is_an_error(read):
    with pytest.raises(ReadError, match=r"line 1: got 'See'.*at least two columns"):
        read("See\nAnn\n\nGo\n")


def test_columns_can_be_chosen(read):
    content = "1\tSee\tVB\tO\t_\n2\tAnn\tNN\tB-PER\t_\n3\tnow\tRB\tO\t_\n"
    assert read(content, 2, 4) == read(content, -4, -2) == [ConllSentence(1, ("See", "Ann", "now"), ("O", "B-PER", "O"))]
    with pytest.raises(ReadError, match=r"line 1: got .*name other columns with --word-column and --tag-column"):
        read(content, 7, 1)


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_of_words_are_not_taken_for_words(read, first):
    content = "".join(f"{i + first} {word} O\n" for i, word in enumerate(("See", "Ann", "now")))
    with pytest.raises(ReadError, match=r"the first column numbers the words of each sentence.*--word-column 2"):
        read(content)
    assert read(content, 2)[0].words == ("See", "Ann", "now")
