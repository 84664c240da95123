"""CoNLL columns: one word a line, its tag in the last column, an empty line behind each sentence."""

from pathlib import Path
from typing import Iterator, NamedTuple

from ..errors import ReadError, SchemeError
from ..labels import split_tag
from .read_json import read_text

DOCSTART = "-DOCSTART-"


class Sentence(NamedTuple):
    """One sentence as published.

    line (int): Number of its first line, counted from 1.
    words (tuple[str, ...]): Words.
    tags (tuple[str, ...]): Tags, in whatever scheme the file uses.
    """

    line: int
    words: tuple[str, ...]
    tags: tuple[str, ...]


def read_sentences(path: Path) -> list[Sentence]:
    """Read a CoNLL file.

    Columns are parted by tabs where the line has one, else by spaces. A line of nothing but white space ends a sentence, and so
    does a -DOCSTART- line.

    RETURNS (list[Sentence]): Sentences with at least one word.
    RAISES (ReadError): If a line has a single column. (SchemeError): If a tag cannot be read.
    """
    return list(split_sentences(path))


def split_sentences(path: Path) -> Iterator[Sentence]:
    first = 1
    words: list[str] = []
    tags: list[str] = []
    for number, line in enumerate([*read_text(path).split("\n"), ""], 1):
        line = line.rstrip()
        if not line or line.startswith(DOCSTART):
            if words:
                yield Sentence(first, tuple(words), tuple(tags))
            first, words, tags = number + 1, [], []
            continue
        word, tag = split_columns(line, path, number)
        words.append(word)
        tags.append(tag)


def split_columns(line: str, path: Path, number: int) -> tuple[str, str]:
    """First and last column of a line."""
    columns = [column.strip(" ") for column in line.split("\t")] if "\t" in line else line.split()
    if len(columns) < 2 or not columns[0]:
        raise ReadError(
            f"{path}, line {number}: got {line!r}. A CoNLL line has at least two columns, the word first and the tag last, "
            "parted by a tab or spaces. Correct the line."
        )
    try:
        split_tag(columns[-1])
    except SchemeError as error:
        raise SchemeError(f"{path}, line {number}: {error}") from None
    return columns[0], columns[-1]
