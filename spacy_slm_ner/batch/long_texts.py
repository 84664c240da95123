"""Texts that are too long to be read at once: overlapping windows of characters."""

import re
from typing import NamedTuple, Sequence

from ..types import ScoredSpan

# Characters of a window, and those that two neighbours share; an entity of up to a quarter of these is seen whole.
WINDOW = 100_000
OVERLAP = 2_000
LAST_SPACE = re.compile(r".*\s", re.DOTALL)


class Piece(NamedTuple):
    """A part of a text.

    start (int): First character.
    end (int): Character after the last one.
    first (int): First character whose entities are taken from this piece.
    last (int): Character after the last one whose entities are taken from it.
    """

    start: int
    end: int
    first: int
    last: int


def cut_text(text: str, max_length: int) -> list[Piece]:
    """Cut a text into pieces at white space, where there is any; one that is short enough stays whole.

    text (str): The text.
    max_length (int): Most characters of a piece.
    """
    if len(text) <= max_length:
        return [Piece(0, len(text), 0, len(text))]
    size = min(max_length, WINDOW)
    overlap = min(OVERLAP, size // 4)
    pieces, start, first = [], 0, 0
    while start + size < len(text):
        end = last_space(text, start + size - size // 8, start + size)
        following = last_space(text, end - overlap, end - overlap // 2)
        edge = (following + end + 1) // 2
        pieces.append(Piece(start, end, first, edge))
        start, first = following, edge
    return [*pieces, Piece(start, len(text), first, len(text))]


def last_space(text: str, start: int, end: int) -> int:
    """Return the position after the last white space of a range; its end if there is none."""
    found = LAST_SPACE.match(text, start, end)
    return found.end() if found else end


def join_pieces(pieces: Sequence[Piece], found: Sequence[Sequence[ScoredSpan]]) -> tuple[ScoredSpan, ...]:
    """Join the entities of pieces to those of their text.

    pieces (Sequence[Piece]): The pieces.
    found (Sequence[Sequence[ScoredSpan]]): Entities of each, as ranges of its characters.
    RETURNS (tuple[ScoredSpan, ...]): Ranges of the text's characters, not overlapping.
    """
    joined: list[ScoredSpan] = []
    for piece, entities in zip(pieces, found):
        for span, score in entities:
            moved = span._replace(start=span.start + piece.start, end=span.end + piece.start)
            if piece.first <= moved.start < piece.last and (not joined or joined[-1].span.end <= moved.start):
                joined.append(ScoredSpan(moved, score))
    return tuple(joined)
