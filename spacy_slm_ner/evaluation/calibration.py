"""Calibration of scores: four in five of the entities with the score 0.8 should be right."""

from dataclasses import dataclass
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from ..labels.temperature import scale
from .scores import PRF

BINS = 10
THRESHOLDS = tuple(i / 20 for i in range(20))
# Temperatures outside these bounds would turn every score into 0, 0.5 or 1.
TEMPERATURES = (0.1, 10.0)


class ScoredPrediction(NamedTuple):
    """A predicted entity.

    score (float): Its score, from 0 to 1.
    correct (bool): Whether a gold entity has the same range and label.
    """

    score: float
    correct: bool


@dataclass(frozen=True)
class Calibration:
    """Scores of predicted entities, compared with gold.

    predictions (Sequence[ScoredPrediction]): All predicted entities that have a score.
    gold (int): Number of gold entities.
    """

    predictions: Sequence[ScoredPrediction]
    gold: int

    def bins(self) -> Iterator[dict[str, float]]:
        """Group entities by score in ten bins of equal width (a reliability diagram); empty bins are left out."""
        for i in range(BINS):
            inside = [one for one in self.predictions if min(int(one.score * BINS), BINS - 1) == i]
            if inside:
                mean = float(np.mean([one.score for one in inside]))
                right = float(np.mean([one.correct for one in inside]))
                yield {"low": i / BINS, "high": (i + 1) / BINS, "count": len(inside), "score": mean, "correct": right}

    @property
    def error(self) -> float:
        """Expected calibration error (Naeini et al. 2015): mean distance between score and accuracy, over the bins."""
        return sum(row["count"] * abs(row["score"] - row["correct"]) for row in self.bins()) / max(len(self.predictions), 1)

    def sweep(self) -> Iterator[dict[str, float]]:
        """Compute strict precision, recall and F1 over thresholds of the score."""
        for threshold in THRESHOLDS:
            kept = [one for one in self.predictions if one.score >= threshold]
            prf = PRF(sum(one.correct for one in kept), len(kept), self.gold)
            yield {"threshold": threshold, **prf.to_dict()}

    def scaled(self, temperature: float) -> "Calibration":
        """Scale the scores by a temperature."""
        return Calibration([one._replace(score=scale(one.score, temperature)) for one in self.predictions], self.gold)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON can hold them."""
        return {"expected_calibration_error": self.error, "bins": list(self.bins()), "sweep": list(self.sweep())}


def score_of(span: DocSpan) -> Optional[float]:
    """Return the score of an entity; None if it has none."""
    return span._.score if DocSpan.has_extension("score") else None


def measure_calibration(predicted: Sequence[Doc], gold: Sequence[Doc]) -> Optional[Calibration]:
    """Compare the scores in `doc.ents` with gold.

    predicted (Sequence[Doc]): Docs that a pipeline has annotated.
    gold (Sequence[Doc]): The same texts with gold entities.
    RETURNS (Optional[Calibration]): None if no entity has a score.
    """
    predictions = []
    for doc, reference in zip(predicted, gold):
        right = {(ent.start_char, ent.end_char, ent.label_) for ent in reference.ents}
        for ent in doc.ents:
            score = score_of(ent)
            if score is not None:
                predictions.append(ScoredPrediction(score, (ent.start_char, ent.end_char, ent.label_) in right))
    return Calibration(predictions, sum(len(doc.ents) for doc in gold)) if predictions else None


def fit_temperature(predictions: Sequence[ScoredPrediction]) -> float:
    """Fit the temperature that minimizes the log-loss of the scores (Guo et al. 2017).

    predictions (Sequence[ScoredPrediction]): Entities with their scores at temperature 1.
    RETURNS (float): Divisor of the log-odds, from 0.1 to 10.
    """
    scores = np.clip([one.score for one in predictions], 1e-9, 1 - 1e-9)
    odds = np.log(scores) - np.log1p(-scores)
    signs = np.where([one.correct for one in predictions], 1.0, -1.0)

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0.0, -signs * odds / np.exp(log_temperature)).mean())

    bounds = tuple(np.log(TEMPERATURES))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))
