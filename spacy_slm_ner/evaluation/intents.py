"""Accuracy and F1 of intents, which are exclusive text categories."""

from collections import Counter
from dataclasses import dataclass
from typing import Optional, Sequence

from sklearn.metrics import accuracy_score, f1_score
from spacy.tokens import Doc

from ..labels import best_category


@dataclass(frozen=True)
class IntentScores:
    """Scores of intents.

    accuracy (float): Share of texts whose best category is the gold one.
    macro_f1 (float): Mean F1 of the categories, unweighted.
    per_label (dict[str, float]): F1 of each category.
    confusion (dict[tuple[str, str], int]): Number of texts by gold and predicted category.
    """

    accuracy: float
    macro_f1: float
    per_label: dict[str, float]
    confusion: dict[tuple[str, str], int]


def score_intents(gold: Sequence[Doc], predicted: Sequence[Doc]) -> Optional[IntentScores]:
    """Score the intents of texts whose gold Doc has one.

    RETURNS (Optional[IntentScores]): None if no gold Doc has an intent, or no predicted Doc has categories.
    """
    pairs = [(best_category(g.cats), best_category(p.cats)) for g, p in zip(gold, predicted) if g.cats]
    if not pairs or not any(p for _, p in pairs):
        return None
    truth, answers = [str(g) for g, _ in pairs], [str(p) for _, p in pairs]
    labels = sorted({*truth, *answers})
    f1 = dict(zip(labels, map(float, f1_score(truth, answers, labels=labels, average=None, zero_division=0))))
    return IntentScores(
        accuracy=float(accuracy_score(truth, answers)),
        macro_f1=sum(f1.values()) / len(f1),
        per_label=f1,
        confusion=dict(Counter(zip(truth, answers))),
    )
