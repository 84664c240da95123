"""CoNLL files: one word a line with its tag in another column, and an empty line after each sentence."""

import re
from collections import Counter
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence, Union

from ..errors import ReadError, SchemeError
from ..user_files import read_text
from .conll_tags import is_tag, normalize_tags

DOCSTART = "-DOCSTART-"
# Characters that separate columns and lines; other kinds of space, such as the one in "10 000", belong to words.
SEPARATORS = " \t\r"


class ConllSentence(NamedTuple):
    """A sentence as published.

    line (int): Number of its first line, counted from 1.
    words (tuple[str, ...]): Words.
    tags (tuple[str, ...]): Tags in the scheme of the file: a prefix, a hyphen and a label, or "O".
    fault (str): Why it cannot be read, empty if it can; a sentence with a fault has no words and no tags.
    """

    line: int
    words: tuple[str, ...]
    tags: tuple[str, ...]
    fault: str = ""


class ColumnChoice(NamedTuple):
    """The columns to read, counted from 1; negative numbers count from the right.

    word (int): Column of the words.
    tag (int): Column of the tags.
    """

    word: int = 1
    tag: int = -1


FIRST_AND_LAST = ColumnChoice()


class TaggedWord(NamedTuple):
    """A word and its tag.

    line (int): Number of the line, counted from 1.
    place (str): File and line, for messages.
    word (str): The word.
    tag (str): The tag as written.
    """

    line: int
    place: str
    word: str
    tag: str


class ConllLine(NamedTuple):
    """A line that is not empty.

    number (int): Number of the line, counted from 1.
    text (str): As written.
    columns (tuple[str, ...]): Values of its columns.
    """

    number: int
    text: str
    columns: tuple[str, ...]


def read_conll_sentences(path: Path, choice: ColumnChoice = FIRST_AND_LAST) -> list[ConllSentence]:
    """Read a CoNLL file.

    Columns are separated by tabs where the line has one, else by spaces. A blank line ends a sentence, and so does a -DOCSTART-
    line. A line that begins with `#` is a comment, unless it has as many columns as the others and ends with a tag.

    path (Path): The file.
    choice (ColumnChoice): Columns of the words and the tags.
    RETURNS (list[ConllSentence]): Sentences with at least one word. Where a line lacks a column or a tag cannot be read, that
        sentence has a fault.
    RAISES (ReadError): If no sentence can be read, or the column of the words holds their numbers.
    """
    blocks = list(split_blocks(read_text(path)))
    lines = [line for block in blocks for line in block]
    plain = [line for line in lines if not line.text.startswith("#")]
    usual = max(Counter(len(line.columns) for line in plain or lines).items(), key=lambda pair: pair[1], default=(0, 0))[0]
    kept = [[line for line in block if not is_comment(line, usual)] for block in blocks]
    read = [choose_block(block, path, choice) for block in kept if block]
    tags = iter(normalize_tags([(row.place, row.tag) for rows in read if not isinstance(rows, ConllSentence) for row in rows]))
    sentences = [rows if isinstance(rows, ConllSentence) else make_sentence(rows, [next(tags) for _ in rows]) for rows in read]
    if sentences and all(sentence.fault for sentence in sentences):
        raise ReadError(sentences[0].fault)
    if choice.word == 1 and usual > 2 and words_are_numbered(sentences):
        raise ReadError(
            f"{path}: the first column numbers the words of each sentence, so it holds no words. Name the column that does, for "
            "example --word-column 2, and --tag-column where the tags are not in the last."
        )
    return sentences


def split_blocks(content: str) -> Iterator[list[ConllLine]]:
    """Split a file into the lines of each sentence. Only a line feed ends a line: words may hold other Unicode separators."""
    block: list[ConllLine] = []
    for number, text in enumerate([*content.split("\n"), ""], 1):
        text = text.rstrip(SEPARATORS)
        if text and not text.startswith(DOCSTART):
            block.append(ConllLine(number, text, split_columns(text)))
        elif block:
            yield block
            block = []


def split_columns(text: str) -> tuple[str, ...]:
    """Split a line into its columns."""
    return tuple(column.strip(" ") for column in text.split("\t")) if "\t" in text else tuple(re.split(" +", text))


def is_comment(line: ConllLine, usual: int) -> bool:
    """Whether a line is a comment such as `# id 12 domain=en`, and not a word with a tag.

    usual (int): Number of columns of most lines.
    """
    if not line.text.startswith("#"):
        return False
    return len(line.columns) != usual or ("\t" not in line.text and not is_tag(line.columns[-1]))


def choose_block(block: Sequence[ConllLine], path: Path, choice: ColumnChoice) -> Union[list[TaggedWord], ConllSentence]:
    """Return the words and tags of a sentence, or a sentence with a fault."""
    try:
        return [choose_columns(line, path, choice) for line in block]
    except ReadError as error:
        return ConllSentence(block[0].number, (), (), str(error))


def choose_columns(line: ConllLine, path: Path, choice: ColumnChoice) -> TaggedWord:
    """Return the word and the tag of a line.

    RAISES (ReadError): If there are no such columns, or no word.
    """
    place = f"{path}, line {line.number}"
    try:
        word, tag = (line.columns[column - 1 if column > 0 else column] for column in choice)
    except IndexError:
        word = tag = ""
    if len(line.columns) < 2 or not word or not tag:
        raise ReadError(
            f"{place}: got {line.text!r}. A CoNLL line has at least two columns, the word first and the tag last, separated by a "
            "tab or spaces. Correct the line, or name other columns with --word-column and --tag-column."
        )
    return TaggedWord(line.number, place, word, tag)


def make_sentence(rows: Sequence[TaggedWord], tags: Sequence[Union[str, SchemeError]]) -> ConllSentence:
    """Make a sentence, with a fault if a tag could not be read."""
    fault = next((tag for tag in tags if isinstance(tag, SchemeError)), None)
    if fault is not None:
        return ConllSentence(rows[0].line, (), (), str(fault))
    return ConllSentence(rows[0].line, tuple(row.word for row in rows), tuple(map(str, tags)))


def words_are_numbered(sentences: Sequence[ConllSentence]) -> bool:
    """Whether the words of each sentence are 1, 2, 3 or 0, 1, 2, as in CoNLL-U."""
    sentences = [sentence for sentence in sentences if not sentence.fault]
    if sum(len(sentence.words) for sentence in sentences) < 3:
        return False
    return all(
        any(sentence.words == tuple(str(i + first) for i in range(len(sentence.words))) for first in (0, 1))
        for sentence in sentences
    )
