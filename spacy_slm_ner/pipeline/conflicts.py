"""Entities that exclude each other: found in overlapping windows, or in answers to several questions."""

from itertools import accumulate
from typing import Literal, Sequence, get_args

from ..types import ScoredSpan

Conflicts = Literal["score", "order", "keep"]
CONFLICTS = get_args(Conflicts)


def resolve(found: Sequence[ScoredSpan], how: Conflicts, labels: Sequence[str]) -> list[ScoredSpan]:
    """Choose among entities that overlap.

    found (Sequence[ScoredSpan]): Ranges of tokens, in the order in which they were found.
    how (Conflicts): "score": of two the better scored stays, and one with a score before one without; "order": that whose label
        comes first; "keep": both, unless they are equal. Where this decides nothing, that which was found first.
    labels (Sequence[str]): Entity labels, in their order.
    RETURNS (list[ScoredSpan]): Those that stay, in the order of the text.
    """
    places = {label: place for place, label in enumerate(labels)}

    def rank(one: ScoredSpan) -> float:
        if how == "order":
            return places.get(one.span.label, len(places))
        return 1.0 if one.score is None else -one.score

    kept: list[ScoredSpan] = []
    taken = set[object]()
    for one in sorted(found, key=rank):
        place = [one.span] if how == "keep" else range(one.span.start, one.span.end)
        if taken.isdisjoint(place):
            taken.update(place)
            kept.append(one)
    return sorted(kept, key=lambda one: one.span)


def count_conflicts(found: Sequence[ScoredSpan]) -> int:
    """Count the entities that overlap another one; equal ones are one."""
    spans = sorted({one.span for one in found})
    starts = [span.start for span in spans[1:]] + [spans[-1].end] if spans else []
    ends = accumulate((span.end for span in spans), max, initial=0)
    return sum(span.start < end or start < span.end for span, start, end in zip(spans, starts, ends))
