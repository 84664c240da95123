"""Pairing of predicted and gold entities, with the kind of each error."""

from typing import Iterator, Literal, NamedTuple, Optional, Sequence, get_args

from ..types import Span

PairKind = Literal["correct", "wrong_boundary", "wrong_label", "missed", "spurious"]
PAIR_KINDS: tuple[PairKind, ...] = get_args(PairKind)


class Pair(NamedTuple):
    """A gold entity and the predicted entity that is paired with it.

    gold (Optional[Span]): None for a spurious prediction.
    predicted (Optional[Span]): None for a missed entity.
    """

    gold: Optional[Span]
    predicted: Optional[Span]

    @property
    def kind(self) -> PairKind:
        """Kind of the pair.

        correct: same range and label. wrong_boundary: same label, ranges overlap. wrong_label: another label, ranges overlap.
        missed: no predicted entity overlaps. spurious: no gold entity overlaps.
        """
        if self.gold is None:
            return "spurious"
        if self.predicted is None:
            return "missed"
        if self.gold.label != self.predicted.label:
            return "wrong_label"
        return "correct" if self.gold == self.predicted else "wrong_boundary"


def closeness(gold: Span, predicted: Span) -> tuple[bool, bool, int]:
    """Rank two overlapping entities, larger is better: same entity, same label, shared positions."""
    shared = min(gold.end, predicted.end) - max(gold.start, predicted.start)
    return gold == predicted, gold.label == predicted.label, shared


def candidates(gold: Sequence[Span], predicted: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    """Yield all pairs of overlapping entities."""
    return ((g, p) for g in gold for p in predicted if g.overlaps(p))


def pair_spans(gold: Sequence[Span], predicted: Sequence[Span]) -> list[Pair]:
    """Pair the entities of one text greedily, the closest first; each is paired once.

    gold (Sequence[Span]): Gold entities, not overlapping each other.
    predicted (Sequence[Span]): Predicted entities, not overlapping each other.
    RETURNS (list[Pair]): All entities of both sides, in text order.
    """
    free_gold, free_predicted, pairs = set(gold), set(predicted), []
    for g, p in sorted(candidates(gold, predicted), key=lambda pair: closeness(*pair), reverse=True):
        if g in free_gold and p in free_predicted:
            free_gold.remove(g)
            free_predicted.remove(p)
            pairs.append(Pair(g, p))
    pairs += [Pair(g, None) for g in free_gold]
    pairs += [Pair(None, p) for p in free_predicted]
    return sorted(pairs, key=lambda pair: (pair.gold or pair.predicted, pair.gold is None))
