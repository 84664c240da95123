import math
import random

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from spacy_slm_ner.evaluation.calibration import Calibration, ScoredPrediction, fit_temperature, measure_calibration
from spacy_slm_ner.labels.temperature import scale
from spacy_slm_ner.pipeline.annotate import add_score_extension

JUDGED = st.lists(st.builds(ScoredPrediction, st.floats(0, 1), st.booleans()), min_size=1, max_size=50)


def draws(temperature: float, number: int = 4000, seed: int = 0) -> list[ScoredPrediction]:
    """Entities whose true odds are the scores' odds divided by a temperature."""
    chance = random.Random(seed)
    scores = [chance.uniform(0.02, 0.98) for _ in range(number)]
    return [ScoredPrediction(score, chance.random() < scale(score, temperature)) for score in scores]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_data_is_found(temperature: float) -> None:
    assert fit_temperature(draws(temperature)) == pytest.approx(temperature, rel=0.1)


def test_fitting_lowers_the_calibration_error() -> None:
    raw = Calibration(draws(3.0), 0)
    assert raw.scaled(fit_temperature(raw.predictions)).error < raw.error / 3


def test_error_is_the_mean_distance_from_the_diagonal() -> None:
    predictions = [
        ScoredPrediction(0.9, True),
        ScoredPrediction(0.9, False),
        ScoredPrediction(0.3, False),
        ScoredPrediction(0.3, False),
    ]
    assert Calibration(predictions, 2).error == pytest.approx((2 * 0.4 + 2 * 0.3) / 4)


@given(JUDGED)
def test_bins_hold_every_entity_once(predictions: list[ScoredPrediction]) -> None:
    rows = list(Calibration(predictions, 1).bins())
    assert sum(row["count"] for row in rows) == len(predictions)
    assert all(row["low"] <= row["score"] + 1e-9 and row["score"] <= row["high"] + 1e-9 for row in rows)


@given(JUDGED)
def test_recall_falls_as_the_threshold_rises(predictions: list[ScoredPrediction]) -> None:
    rows = list(Calibration(predictions, len(predictions)).sweep())
    recalls = [row["recall"] for row in rows]
    assert recalls == sorted(recalls, reverse=True)
    assert recalls[0] == sum(one.correct for one in predictions) / len(predictions)


@given(st.floats(0, 1), st.floats(0.1, 10))
def test_scaling_keeps_the_side_and_can_be_undone(probability: float, temperature: float) -> None:
    scaled = scale(probability, temperature)
    assert 0 <= scaled <= 1
    assert (scaled - 0.5) * (probability - 0.5) >= 0
    if 0.01 < probability < 0.99 and temperature > 0.5:
        assert scale(scaled, 1 / temperature) == pytest.approx(probability, abs=1e-4)


def test_a_pipeline_without_scores_has_no_calibration() -> None:
    nlp = spacy.blank("en")
    docs = [Doc(nlp.vocab, words=["Ada"], ents=["B-NAME"])]
    assert measure_calibration(docs, docs) is None


def test_an_entity_counts_as_right_if_range_and_label_are_those_of_gold() -> None:
    add_score_extension()
    vocab = spacy.blank("en").vocab
    gold = Doc(vocab, words=["Ada", "comes", "today"], ents=["B-NAME", "O", "B-DATE"])
    predicted = Doc(vocab, words=["Ada", "comes", "today"])
    predicted.ents = [Span(predicted, 0, 1, label="NAME"), Span(predicted, 1, 3, label="DATE")]
    for ent, score in zip(predicted.ents, (0.75, 0.25)):
        ent._.score = score
    calibration = measure_calibration([predicted], [gold])
    assert calibration == Calibration([ScoredPrediction(0.75, True), ScoredPrediction(0.25, False)], 2)
    assert math.isclose(calibration.error, 0.25)
