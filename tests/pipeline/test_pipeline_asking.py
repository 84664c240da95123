"""Several questions about a text: what is asked, and what becomes of the answers."""

import json
import re
from typing import Any

import pytest
from mock_generator import answer_of, mock_nlp, mock_of
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slm_ner.constraints.guide import Answer
from spacy_slm_ner.evaluation.rates import measure_rates

TEXT = "Ada comes from New York on May 4"
LABELS = ["NAME", "PLACE", "DATE"]
UNINER = {"@misc": "spacy-slm-ner.UniNER.v1", "guidelines": None, "turns": "independent", "explained": True}


def asking(answers: dict[str, Any], *, turns: str = "independent", **config: Any) -> Language:
    """A pipeline whose model answers the question for each label with what is given."""
    nlp = mock_nlp({}, **{"labels": LABELS, "format": {**UNINER, "turns": turns}, **config})
    mock = mock_of(nlp)

    def answer(request: Any) -> Answer:
        label = re.search(r"What describes (\S+) in", request.messages[-1]["content"])
        given = answers.get(label[1] if label else "intent", [])
        written, sure = given if isinstance(given, tuple) else (given, -0.1)
        return answer_of(request, written if isinstance(written, str) else json.dumps(written), sure)

    mock.answer = answer  # type: ignore[method-assign]
    return nlp


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def counts(doc: Doc) -> dict[str, int]:
    known: dict[str, int] = doc.user_data["slm_ner"]["counts"]
    return known


def test_each_label_is_asked_for_and_all_answers_count() -> None:
    nlp = asking({"NAME": ["Ada"], "PLACE": ["New York"], "DATE": ["May 4"]})
    doc = nlp(TEXT)
    assert entities(doc) == [("Ada", "NAME"), ("New York", "PLACE"), ("May 4", "DATE")]
    asked = [request.messages[-1]["content"] for request in mock_of(nlp).asked]
    assert [question.split()[2] for question in asked] == LABELS
    assert counts(doc) == {"queries": 3, "unparsable": 0, "entities": 3, "hallucinated": 0, "copied": 0, "conflicts": 0}
    assert "problems" not in doc.user_data["slm_ner"]


def test_the_intent_is_a_question_of_its_own() -> None:
    nlp = asking({"NAME": ["Ada"], "intent": '"visit"'}, cats=True, intents=["visit", "call"])
    doc = nlp(TEXT)
    assert doc.cats == {"visit": pytest.approx(2.718**-0.1, abs=1e-3), "call": pytest.approx(1 - 2.718**-0.1, abs=1e-3)}
    assert counts(doc)["queries"] == 4


@pytest.mark.parametrize(
    ("how", "ents"),
    [
        pytest.param("score", [("New York", "PLACE")], id="score"),
        pytest.param("order", [("New York", "NAME")], id="order"),
    ],
)
def test_of_two_labels_of_one_place(how: str, ents: list[tuple[str, str]]) -> None:
    doc = asking({"NAME": (["New York"], -1.0), "PLACE": (["New York"], -0.1)}, conflicts=how)(TEXT)
    assert entities(doc) == ents
    assert counts(doc)["conflicts"] == counts(doc)["entities"] == 2


def test_entities_that_exclude_each_other_may_both_be_kept() -> None:
    answers = {"NAME": (["York"], -1.0), "PLACE": (["New York"], -0.1), "DATE": ["May 4"]}
    doc = asking(answers, conflicts="keep", annotate="both")(TEXT)
    assert [(span.text, span.label_) for span in doc.spans["sc"]] == [("New York", "PLACE"), ("York", "NAME"), ("May 4", "DATE")]
    assert len(doc.spans["sc"].attrs["scores"]) == 3
    assert entities(doc) == [("New York", "PLACE"), ("May 4", "DATE")]
    assert counts(doc)["conflicts"] == 2


def test_entities_of_doc_ents_cannot_both_be_kept() -> None:
    with pytest.raises(ValueError, match='Got conflicts = "keep" and annotate = "ents"'):
        asking({}, conflicts="keep")
    with pytest.raises(ValueError, match="Got conflicts = 'first', allowed are score, order, keep"):
        asking({}, conflicts="first")


def test_the_turns_of_a_conversation_hold_the_answers_before_them() -> None:
    nlp = asking({"NAME": ["Ada"], "DATE": ["May 4"]}, turns="conversation")
    docs = list(nlp.pipe([TEXT, "Ada on May 4"]))
    assert entities(docs[0]) == [("Ada", "NAME"), ("May 4", "DATE")]
    last = [request.messages for request in mock_of(nlp).asked if "DATE" in request.messages[-1]["content"]]
    assert [[message["content"] for message in chat[3:]] for chat in last] == [
        [
            "What describes NAME in the text?",
            '["Ada"]',
            "What describes PLACE in the text?",
            "[]",
            "What describes DATE in the text?",
        ]
    ] * 2
    assert [chat[1]["content"] for chat in last] == [f"Text: {TEXT}", "Text: Ada on May 4"]


@pytest.mark.parametrize("turns", ["independent", "conversation"])
def test_every_question_is_learned(turns: str) -> None:
    nlp = asking({}, turns=turns)
    gold = nlp.make_doc(TEXT)
    gold.set_ents([gold.char_span(0, 3, "NAME"), gold.char_span(15, 23, "PLACE")])
    nlp.get_pipe("slm_ner").update([Example(nlp.make_doc(TEXT), gold)])
    asked = mock_of(nlp).asked
    assert [request.target for request in asked] == ['["Ada"]', '["New York"]', "[]"]
    assert [len(request.messages) for request in asked] == ([4, 4, 4] if turns == "independent" else [4, 6, 8])


def test_free_answers_are_counted() -> None:
    answers = {"NAME": 'Sure! ["Ada", "Eve"]', "PLACE": "No idea.", "DATE": '["May 4", "May 4", "on May"]'}
    nlp = asking(answers, constrained=False)
    doc = nlp(TEXT)
    assert entities(doc) == [("Ada", "NAME"), ("May 4", "DATE")]
    assert counts(doc) == {"queries": 3, "unparsable": 1, "entities": 5, "hallucinated": 1, "copied": 0, "conflicts": 1}
    rates = measure_rates([doc], ["slm_ner"])
    assert (rates.hallucination, rates.conflict, rates.unparsable, rates.queries_per_text) == (1 / 5, 1 / 5, 1 / 3, 3.0)


def test_a_free_answer_may_be_as_long_as_the_longest_that_is_right() -> None:
    nlp = asking({}, constrained=False)
    nlp(TEXT)
    longest = '["Ada", "comes", "from", "New", "York", "on", "May", "4"]'
    assert {request.longest_answer for request in mock_of(nlp).asked} == {longest}


def test_nothing_is_asked_about_a_text_of_white_space() -> None:
    nlp = asking({})
    docs = list(nlp.pipe(["", " \n "]))
    assert mock_of(nlp).asked == [] and all(doc.ents == () for doc in docs)


def test_what_is_proposed_is_proposed_to_its_question_alone() -> None:
    nlp = asking({})
    doc = nlp.make_doc(TEXT)
    doc.ents = [doc.char_span(0, 3, "NAME")]
    nlp.get_pipe("slm_ner")(doc)
    proposed = [request.draft is not None and list(request.draft.edges(("start", 0))) for request in mock_of(nlp).asked]
    assert ["".join(edge.text for edge in edges or []) for edges in proposed] == ['["Ada"]', "[]", "[]"]
