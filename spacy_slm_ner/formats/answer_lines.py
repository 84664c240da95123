"""The lines of an answer, for the formats that write one line for each entity or token."""

from typing import Iterator, NamedTuple


class UnusableLine(Exception):
    """A line that names no entity or token of the text; the message is the reason."""


class AnswerLine(NamedTuple):
    """A line that is not blank, and its range of characters in the answer.

    text (str): The line without its line break.
    start (int): Its first character.
    end (int): Position after its line break.
    """

    text: str
    start: int
    end: int


def split_lines(answer: str, start: int = 0) -> Iterator[AnswerLine]:
    """Split an answer at its line feeds; blank lines are left out.

    answer (str): Any answer.
    start (int): Character at which the first line begins.
    YIELDS (AnswerLine): Lines in order.
    """
    for text in answer[start:].split("\n"):
        end = start + len(text) + 1
        if text.strip():
            yield AnswerLine(text, start, end)
        start = end
