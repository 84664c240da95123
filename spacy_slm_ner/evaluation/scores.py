"""Precision, recall and F1 from pairs of entities."""

from collections import Counter
from dataclasses import dataclass
from typing import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from .pairing import Pair, PairKind

# Credit of a pair by mode and kind. Partial: MUC's half credit for a wrong boundary.
CREDIT: dict[str, dict[PairKind, float]] = {
    "strict": {"correct": 1.0},
    "partial": {"correct": 1.0, "wrong_boundary": 0.5},
    "type_only": {"correct": 1.0, "wrong_boundary": 1.0},
}


@dataclass(frozen=True)
class PRF:
    """Precision, recall and F1 of a set of entities.

    credit (float): Sum of the credits of the pairs; under strict scoring, the number of true positives.
    predicted (int): Number of predicted entities.
    gold (int): Number of gold entities.
    """

    credit: float
    predicted: int
    gold: int

    @property
    def precision(self) -> float:
        return self.credit / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        return self.credit / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        return 2 * self.credit / (self.predicted + self.gold) if self.predicted + self.gold else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return the figures as JSON can hold them."""
        return {"precision": self.precision, "recall": self.recall, "f1": self.f1, "gold": self.gold, "predicted": self.predicted}


def score_pairs(pairs: Iterable[Pair], mode: str = "strict") -> PRF:
    """Score entities.

    pairs (Iterable[Pair]): Pairs of any number of texts.
    mode (str): "strict": range and label must be right. "partial": half credit for a wrong boundary. "type_only": full credit
        for a wrong boundary.
    RETURNS (PRF): The figures.
    """
    pairs = list(pairs)
    credit = sum(CREDIT[mode].get(pair.kind, 0.0) for pair in pairs)
    predicted = sum(pair.predicted is not None for pair in pairs)
    return PRF(credit, predicted, sum(pair.gold is not None for pair in pairs))


def score_labels(pairs: Iterable[Pair], mode: str = "strict") -> dict[str, PRF]:
    """Score entities of each label, as `score_pairs` does, sorted by label.

    A wrong label costs the recall of the gold label and the precision of the predicted one.
    """
    sides: dict[str, list[Pair]] = {}
    for gold, predicted in pairs:
        if gold is not None and predicted is not None and gold.label == predicted.label:
            sides.setdefault(gold.label, []).append(Pair(gold, predicted))
            continue
        if gold is not None:
            sides.setdefault(gold.label, []).append(Pair(gold, None))
        if predicted is not None:
            sides.setdefault(predicted.label, []).append(Pair(None, predicted))
    return {label: score_pairs(sides[label], mode) for label in sorted(sides)}


def confusion(pairs: Iterable[Pair]) -> Counter[tuple[str, str]]:
    """Count entities by gold and predicted label; the missing side of a missed or spurious entity is "O".

    A pair of one label counts on the diagonal even if its boundary is wrong.
    """
    return Counter((gold.label if gold else "O", predicted.label if predicted else "O") for gold, predicted in pairs)


def bootstrap_f1(texts: Sequence[Sequence[Pair]], samples: int = 1000, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
    """Compute the percentile bootstrap interval of strict F1, over texts.

    texts (Sequence[Sequence[Pair]]): Pairs of each text.
    samples (int): Number of resampled sets.
    seed (int): Seed of the resampling.
    level (float): Share of resampled F1 values between the two bounds.
    RETURNS (tuple[float, float]): Lower and upper bound; both are the F1 itself if there are fewer than two texts.
    """
    scores = [score_pairs(pairs) for pairs in texts]
    if len(scores) < 2:
        f1 = scores[0].f1 if scores else 0.0
        return f1, f1
    hits = np.array([score.credit for score in scores])
    sizes = np.array([score.predicted + score.gold for score in scores], dtype=float)
    result = bootstrap(
        (hits, sizes), pooled_f1, paired=True, n_resamples=samples, confidence_level=level, method="percentile", rng=seed
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def pooled_f1(hits: NDArray[np.float64], sizes: NDArray[np.float64], axis: int = -1) -> NDArray[np.float64]:
    """Compute F1 over texts from their true positives and their numbers of predicted plus gold entities."""
    totals = sizes.sum(axis=axis)
    return np.asarray(2 * hits.sum(axis=axis) / np.maximum(totals, 1))
