"""The protocol of GoLLIE (Sainz et al. 2024): entities as pairs of a class and a string, matched one to one.

Predicted entities are filtered before they are scored: those of unknown classes, those whose string is not in the text, and those
that repeat a string more often than the text does are removed. All comparisons with the text are of lower-cased substrings, so
`us` occurs in `bus`. Entities match if class and string agree; strings are lower-cased and stripped.

Source: `Entity` and `AnnotationList.filter_hallucinations` in `src/tasks/utils_typing.py`, and `SpanScorer` in
`src/tasks/utils_scorer.py` of hitz-zentroa/GoLLIE.
"""

from collections import Counter
from typing import Iterable, Literal, NamedTuple, Sequence

from .scores import PRF
from .string_examples import LabelledString, StringExample

Removal = Literal["unknown_class", "hallucinated", "surplus"]


class Filtered(NamedTuple):
    """Predicted entities of a text after the filter.

    kept (list[LabelledString]): Entities that are scored.
    removed (Counter[Removal]): Number of the others, by reason.
    """

    kept: list[LabelledString]
    removed: Counter[Removal]


class GollieScores(NamedTuple):
    """Scores of filtered entities, and what the filter removed.

    prf (PRF): The figures.
    removed (Counter[Removal]): Number of predicted entities that were removed, by reason.
    unparsable (int): Number of answers that could not be parsed. They count as empty.
    """

    prf: PRF
    removed: Counter[Removal]
    unparsable: int

    def to_dict(self) -> dict[str, float]:
        """Return the figures as JSON can hold them."""
        return {**self.prf.to_dict(), "removed": self.removed.total()}


def filter_entities(text: str, entities: Iterable[LabelledString], labels: Sequence[str] = ()) -> Filtered:
    """Remove what the protocol does not score.

    text (str): The text.
    entities (Iterable[LabelledString]): Predicted entities. The first mentions of a string are kept, whatever their class.
    labels (Sequence[str]): Known classes; empty for all.
    RETURNS (Filtered): Entities that are kept, and a count of the others.
    """
    lowered = text.lower()
    kept: list[LabelledString] = []
    removed: Counter[Removal] = Counter()
    used: Counter[str] = Counter()
    for string, label in entities:
        # The published script strips a string to look it up, but not to count it.
        key = string.lower()
        if labels and label not in labels:
            removed["unknown_class"] += 1
        elif key.strip() not in lowered:
            removed["hallucinated"] += 1
        elif key and used[key] >= lowered.count(key):
            removed["surplus"] += 1
        else:
            used[key] += 1
            kept.append((string, label))
    return Filtered(kept, removed)


def count_entities(entities: Iterable[LabelledString]) -> Counter[LabelledString]:
    """Count entities that the protocol holds for equal."""
    return Counter((string.lower().strip(), label) for string, label in entities)


def score_gollie(examples: Sequence[StringExample], labels: Sequence[str] = ()) -> GollieScores:
    """Score entities by the protocol of GoLLIE.

    examples (Sequence[StringExample]): The texts.
    labels (Sequence[str]): Known classes; entities of others are dropped on both sides. Empty for all.
    RETURNS (GollieScores): The figures.
    """
    total, removed = PRF(0, 0, 0), Counter[Removal]()
    for eg in examples:
        answer = filter_entities(eg.text, eg.predicted or (), labels)
        gold = [entity for entity in eg.gold if not labels or entity[1] in labels]
        correct = (count_entities(gold) & count_entities(answer.kept)).total()
        total = PRF(total.credit + correct, total.predicted + len(answer.kept), total.gold + len(gold))
        removed += answer.removed
    return GollieScores(total, removed, sum(eg.predicted is None for eg in examples))
