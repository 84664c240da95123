import pytest
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.evaluation.intents import score_intents

CANCEL, INQUIRY = {"cancel": 1.0, "inquiry": 0.0}, {"cancel": 0.0, "inquiry": 1.0}


def docs(nlp: Language, *cats: dict[str, float]) -> list[Doc]:
    made = [nlp.make_doc("text") for _ in cats]
    for doc, values in zip(made, cats):
        doc.cats = values
    return made


def test_scores_computed_by_hand(nlp: Language) -> None:
    gold = docs(nlp, CANCEL, CANCEL, CANCEL, INQUIRY)
    predicted = docs(nlp, CANCEL, CANCEL, {"cancel": 0.4, "inquiry": 0.6}, INQUIRY)
    scores = score_intents(gold, predicted)
    assert scores is not None
    assert scores.accuracy == 0.75
    assert scores.per_label == pytest.approx({"cancel": 4 / 5, "inquiry": 2 / 3})
    assert scores.macro_f1 == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert scores.confusion == {("cancel", "cancel"): 2, ("cancel", "inquiry"): 1, ("inquiry", "inquiry"): 1}


def test_texts_without_a_gold_intent_are_left_out(nlp: Language) -> None:
    scores = score_intents(docs(nlp, CANCEL, {}), docs(nlp, CANCEL, INQUIRY))
    assert scores is not None
    assert scores.confusion == {("cancel", "cancel"): 1}


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        pytest.param([{}, {}], [CANCEL, INQUIRY], id="data-without-intents"),
        pytest.param([CANCEL, INQUIRY], [{}, {}], id="pipeline-without-intents"),
        pytest.param([], [], id="no-texts"),
    ],
)
def test_no_scores_without_intents(nlp: Language, gold: list[dict], predicted: list[dict]) -> None:
    assert score_intents(docs(nlp, *gold), docs(nlp, *predicted)) is None
