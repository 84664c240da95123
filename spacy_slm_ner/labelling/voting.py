"""Votes of several passes over the same text."""

from collections import Counter
from typing import Optional, Sequence

from ..types import ScoredSpan
from .labelling import DIGITS, Labelling


def vote(passes: Sequence[Labelling]) -> Labelling:
    """Join what several passes found in a text. Two entities that overlap cannot both have more than half of the votes.

    passes (Sequence[Labelling]): One for each pass; one alone is returned as it is.
    RETURNS (Labelling): Entities that more than half of the passes name, with the share of votes as score, and an intent
        likewise. If half of the passes or more have problems, the text has them; if fewer, they are remarks.
    """
    if len(passes) == 1:
        return passes[0]
    votes = Counter(one.span for found in passes for one in found.entities)
    entities = [ScoredSpan(span, round(votes[span] / len(passes), DIGITS)) for span in sorted(votes)]
    noticed = [f"pass {number}: {said}" for number, found in enumerate(passes, 1) for said in found.problems + found.remarks]
    damaged = 2 * sum(bool(found.problems) for found in passes) >= len(passes)
    return Labelling(
        tuple(one for one in entities if 2 * votes[one.span] > len(passes)),
        winner([found.intent for found in passes]),
        tuple(noticed) if damaged else (),
        () if damaged else tuple(noticed),
    )


def winner(intents: Sequence[Optional[str]]) -> Optional[str]:
    """Return the intent that more than half of the passes name; None if there is none."""
    ((intent, number),) = Counter(intents).most_common(1)
    return intent if 2 * number > len(intents) else None
