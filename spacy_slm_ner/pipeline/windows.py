"""Long texts in overlapping windows, and what was found in them joined by position."""

from itertools import accumulate, pairwise
from typing import Iterator, NamedTuple, Sequence

from ..types import ScoredSpan


class Window(NamedTuple):
    """A range of tokens that is read at a time.

    start (int): First token.
    end (int): Token after the last one.
    first (int): An entity that starts from here ...
    last (int): ... to before this token is taken from this window; one that starts elsewhere, from a neighbour.
    """

    start: int
    end: int
    first: int
    last: int


def make_windows(lengths: Sequence[int], size: int, overlap: int) -> list[Window]:
    """Cover a text with windows.

    Two neighbours share the entities of their overlap half and half, so any entity of up to half the overlap is seen whole.

    lengths (Sequence[int]): Number of pieces of each token. A token longer than a window is in none.
    size (int): Most pieces of a window.
    overlap (int): Most pieces that two neighbours share; less than `size`.
    RETURNS (list[Window]): In order.
    """
    return [window for start, end in stretches(lengths, size) for window in cover(lengths, start, end, size, overlap)]


def stretches(lengths: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """Ranges of tokens between those that are longer than a window."""
    edges = [-1, *(i for i, length in enumerate(lengths) if length > size), len(lengths)]
    return ((left + 1, right) for left, right in pairwise(edges) if right > left + 1)


def cover(lengths: Sequence[int], start: int, end: int, size: int, overlap: int) -> Iterator[Window]:
    """Windows of one stretch."""
    ends = [0, *accumulate(lengths)]
    first = start
    while True:
        stop = start + 1
        while stop < end and ends[stop + 1] - ends[start] <= size:
            stop += 1
        if stop == end:
            yield Window(start, end, first, end)
            return
        following = stop
        # The next window reaches back as far as the overlap, if it still reads on.
        room = min(overlap, size - (ends[stop + 1] - ends[stop]))
        while following - 1 > start and ends[stop] - ends[following - 1] <= room:
            following -= 1
        middle = (following + stop + 1) // 2
        while middle > following and ends[stop] - ends[middle - 1] < overlap // 2:
            middle -= 1
        yield Window(start, stop, first, middle)
        start, first = following, middle


def join(windows: Sequence[Window], found: Sequence[Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Entities of a text from those of its windows.

    windows (Sequence[Window]): See `make_windows`.
    found (Sequence[Sequence[ScoredSpan]]): Entities of each, as ranges of the window's tokens.
    RETURNS (list[ScoredSpan]): Ranges of the text's tokens, in order. Of two that overlap the better scored stays.
    """
    placed = [
        ScoredSpan(span._replace(start=span.start + window.start, end=span.end + window.start), score)
        for window, spans in zip(windows, found)
        for span, score in spans
        if window.first <= span.start + window.start < window.last
    ]
    kept: list[ScoredSpan] = []
    for one in sorted(placed, key=lambda scored: scored.score, reverse=True):
        if not any(one.span.overlaps(other.span) for other in kept):
            kept.append(one)
    return sorted(kept)
