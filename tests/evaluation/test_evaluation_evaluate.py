import json

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.errors import EvaluationError
from spacy_slm_ner.evaluation import evaluate as module
from spacy_slm_ner.evaluation.evaluate import evaluate_docs


@Language.component("cancel_or_inquiry")
def cancel_or_inquiry(doc: Doc) -> Doc:
    cancels = "cancel" in doc.text
    doc.cats = {"cancel": float(cancels), "inquiry": float(not cancels)}
    return doc


@pytest.fixture(scope="module")
def ruler() -> Language:
    """Finds what it has a pattern for, and nothing else."""
    nlp = spacy.blank("en")
    words = {"May 4": "DATE", "Friday": "DATE", "Jun": "DATE", "Ada": "NAME", "noon": "TIME", "4": "TIME", "4pm": "TIME"}
    patterns = [{"label": label, "pattern": [{"ORTH": word} for word in text.split()]} for text, label in words.items()]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.add_pipe("cancel_or_inquiry")
    return nlp


def gold_doc(nlp: Language, words: str, tags: str, intent: str = "") -> Doc:
    doc = Doc(nlp.vocab, words=words.split(), ents=tags.split())
    doc.cats = {name: float(name == intent) for name in ("cancel", "inquiry")} if intent else {}
    return doc


@pytest.fixture
def gold(ruler: Language) -> list[Doc]:
    return [
        gold_doc(ruler, "Ada cancels May 4", "B-NAME O B-DATE I-DATE", "cancel"),
        gold_doc(ruler, "Jun comes on Friday", "B-NAME O O B-DATE", "inquiry"),
        gold_doc(ruler, "Friday afternoon is off", "B-DATE I-DATE O O", "cancel"),
        gold_doc(ruler, "nothing here", "O O", "inquiry"),
        gold_doc(ruler, "the noon paper of yesterday", "O O O O B-DATE", "inquiry"),
    ]


def test_figures_computed_by_hand(ruler: Language, gold: list[Doc]) -> None:
    figures = evaluate_docs(ruler, gold).to_dict()
    entities = figures["entities"]
    assert (figures["docs"], figures["words"]) == (5, 19)
    assert entities["strict"] == pytest.approx({"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "gold": 6, "predicted": 6})
    assert entities["partial"]["f1"] == pytest.approx(3.5 / 6)
    assert entities["type_only"]["f1"] == pytest.approx(4 / 6)
    assert {label: row["f1"] for label, row in entities["per_label"].items()} == pytest.approx(
        {"DATE": 1 / 2, "NAME": 2 / 3, "TIME": 0}
    )
    assert entities["confusion"] == [
        ["DATE", "DATE", 3],
        ["DATE", "O", 1],
        ["NAME", "DATE", 1],
        ["NAME", "NAME", 1],
        ["O", "TIME", 1],
    ]
    assert entities["strict_f1_interval_95"][0] < 1 / 2 < entities["strict_f1_interval_95"][1]


def test_intents_are_scored(ruler: Language, gold: list[Doc]) -> None:
    intents = evaluate_docs(ruler, gold).to_dict()["intents"]
    assert intents["accuracy"] == 0.8
    assert intents["per_label"] == pytest.approx({"cancel": 2 / 3, "inquiry": 6 / 7})
    assert intents["confusion"] == [["cancel", "cancel", 1], ["cancel", "inquiry", 1], ["inquiry", "inquiry", 3]]


def test_texts_carry_their_pairs_and_intents(ruler: Language, gold: list[Doc]) -> None:
    assert evaluate_docs(ruler, gold[1:3]).to_dict()["texts"] == [
        {
            "text": "Jun comes on Friday ",
            "pairs": [
                {"kind": "wrong_label", "gold": (0, 3, "NAME"), "predicted": (0, 3, "DATE")},
                {"kind": "correct", "gold": (13, 19, "DATE"), "predicted": (13, 19, "DATE")},
            ],
            "intent": "inquiry",
            "predicted_intent": "inquiry",
        },
        {
            "text": "Friday afternoon is off ",
            "pairs": [{"kind": "wrong_boundary", "gold": (0, 16, "DATE"), "predicted": (0, 6, "DATE")}],
            "intent": "cancel",
            "predicted_intent": "inquiry",
        },
    ]


def test_figures_survive_json(ruler: Language, gold: list[Doc]) -> None:
    figures = evaluate_docs(ruler, gold).to_dict()
    read = json.loads(json.dumps(figures))
    assert (read["entities"], read["intents"]) == (figures["entities"], figures["intents"])


def test_pipeline_sees_no_gold_annotation(nlp: Language, gold: list[Doc]) -> None:
    evaluation = evaluate_docs(nlp, gold)
    assert evaluation.agreed["all"] == (0.0, 0.0, 0.0)
    assert evaluation.intents is None


def test_data_without_intents_has_no_intent_scores(ruler: Language) -> None:
    assert evaluate_docs(ruler, [gold_doc(ruler, "Ada comes", "B-NAME O")]).to_dict()["intents"] is None


def test_number_of_passes_changes_no_figure(ruler: Language, gold: list[Doc]) -> None:
    once, thrice = (evaluate_docs(ruler, gold, passes=passes).to_dict() for passes in (0, 3))
    assert once.pop("words_per_second") > 0 < thrice.pop("words_per_second")
    assert once == thrice


def test_gold_text_without_annotation_is_an_error(ruler: Language, gold: list[Doc]) -> None:
    with pytest.raises(EvaluationError, match="1 of 6 gold texts carry no entity annotation, the first is 'Ada'"):
        evaluate_docs(ruler, [*gold, ruler.make_doc("Ada")])


def test_labels_restrict_both_sides(ruler: Language, gold: list[Doc]) -> None:
    entities = evaluate_docs(ruler, gold, labels=["NAME", "TIME"]).to_dict()["entities"]
    assert entities["confusion"] == [["NAME", "NAME", 1], ["NAME", "O", 1], ["O", "TIME", 1]]


def test_restriction_does_not_stand_in_for_annotation(ruler: Language) -> None:
    with pytest.raises(EvaluationError, match="no entity annotation"):
        evaluate_docs(ruler, [ruler.make_doc("Ada")], labels=["NAME"])


def test_gold_docs_keep_the_entities_that_are_not_scored(ruler: Language, gold: list[Doc]) -> None:
    evaluate_docs(ruler, gold, labels=["NAME"])
    assert [ent.label_ for doc in gold for ent in doc.ents] == ["NAME", "DATE", "NAME", "DATE", "DATE", "DATE"]


def test_gold_tokens_mend_a_disagreement_over_tokens(ruler: Language) -> None:
    gold = [gold_doc(ruler, "at 4pm", "O B-TIME")]
    with pytest.raises(EvaluationError, match="Two scorers disagree on TIME"):
        evaluate_docs(ruler, gold)
    assert evaluate_docs(ruler, gold, gold_preproc=True).agreed["TIME"] == (1.0, 1.0, 1.0)


def test_gold_tokens_keep_the_text(ruler: Language) -> None:
    gold = [Doc(ruler.vocab, words=["at", "4", "pm", "."], spaces=[True, False, False, False], ents=["O", "B-TIME", "O", "O"])]
    (eg,) = evaluate_docs(ruler, gold, gold_preproc=True).examples
    assert (eg.predicted.text, [token.text for token in eg.predicted]) == ("at 4pm.", ["at", "4", "pm", "."])


def test_one_protocol_is_scored_if_none_is_named(ruler: Language, gold: list[Doc]) -> None:
    figures = evaluate_docs(ruler, gold).to_dict()
    assert figures["protocols"] == {"span": {"strict": figures["entities"]["strict"]}}


def test_protocols_score_the_same_predictions(ruler: Language, gold: list[Doc]) -> None:
    figures = evaluate_docs(ruler, gold, protocols=["span", "uniner", "gollie"]).to_dict()["protocols"]
    strict = {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "gold": 6, "predicted": 6}
    assert figures == {
        "span": {"strict": pytest.approx(strict)},
        "uniner": {"published": pytest.approx(strict), "repaired": pytest.approx(strict)},
        "gollie": {"filtered": pytest.approx({**strict, "removed": 0})},
    }


def test_labels_restrict_every_protocol(ruler: Language, gold: list[Doc]) -> None:
    figures = evaluate_docs(ruler, gold, labels=["NAME"], protocols=["uniner", "gollie"]).to_dict()["protocols"]
    one_of_two = {"precision": 1.0, "recall": 1 / 2, "f1": 2 / 3, "gold": 2, "predicted": 1}
    assert figures["uniner"]["repaired"] == pytest.approx(one_of_two)
    assert figures["gollie"]["filtered"] == pytest.approx({**one_of_two, "removed": 0})


def test_an_unknown_protocol_is_refused(ruler: Language, gold: list[Doc]) -> None:
    with pytest.raises(EvaluationError, match="Got the protocol 'muc', allowed are span, uniner, gollie"):
        evaluate_docs(ruler, gold, protocols=["muc"])


def test_a_pipeline_that_asks_no_model_has_no_rates(ruler: Language, gold: list[Doc]) -> None:
    rates = evaluate_docs(ruler, gold).to_dict()["rates"]
    assert rates.keys() == {"hallucination", "copied", "conflict", "unparsable", "unusable", "queries_per_text", "cost"}
    assert {*rates.values()} == {None}


@Language.component("asks_about_ada")
def asks_about_ada(doc: Doc) -> Doc:
    doc.user_data["asks_about_ada"] = {"io": [{}] * len(doc), "problems": ["who?"] if "Ada" in doc.text else []}
    return doc


def test_rates_are_those_of_the_components_that_ask_a_model(gold: list[Doc], monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("asks_about_ada")
    assert {*evaluate_docs(nlp, gold).to_dict()["rates"].values()} == {None}
    monkeypatch.setattr(module, "ASKS_A_MODEL", "asks_about_ada")
    rates = evaluate_docs(nlp, gold, labels=["NAME"]).to_dict()["rates"]
    assert (rates["unusable"], rates["queries_per_text"], rates["hallucination"]) == (1 / 5, 19 / 5, None)


def test_the_factory_that_asks_a_model_is_there() -> None:
    assert Language.has_factory(module.ASKS_A_MODEL)
