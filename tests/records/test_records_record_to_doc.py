import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_slm_ner.records.damage import DAMAGE, REMARKS
from spacy_slm_ner.records.mentions import Problem
from spacy_slm_ner.records.read_conll import ConllSentence
from spacy_slm_ner.records.record_to_doc import intent_to_cats, record_to_doc, sentence_to_doc, token_spans
from spacy_slm_ner.records.schema import Record, WordLabel
from spacy_slm_ner.types import Span


def record(text, *pairs, intent=None):
    return Record(text=text, labels=[WordLabel(word=word, label=label) for word, label in pairs], intent=intent)


def test_a_record_becomes_a_doc_with_entities(nlp):
    text = "Move the 4 PM call on May 4"
    labels = [("4", "B-TIME"), ("PM", "I-TIME"), ("May", "B-DATE"), ("4", "I-DATE")]
    doc, problems = record_to_doc(record(text, *labels), nlp)
    assert doc.text == text
    assert [(ent.start_char, ent.text, ent.label_) for ent in doc.ents] == [(9, "4 PM", "TIME"), (22, "May 4", "DATE")]
    assert problems == []


def test_a_record_without_entity_is_a_negative_example(nlp):
    doc, _ = record_to_doc(record("No one is named here."), nlp)
    assert doc.ents == ()
    assert doc.has_annotation("ENT_IOB")


def test_a_negative_example_survives_the_docbin(nlp):
    docs = [
        record_to_doc(record("No one."), nlp)[0],
        sentence_to_doc(ConllSentence(1, ("No", "one"), ("O", "O")), nlp, "IOB2")[0],
    ]
    stored = DocBin().from_bytes(DocBin(docs=docs).to_bytes()).get_docs(nlp.vocab)
    assert [doc.has_annotation("ENT_IOB") for doc in stored] == [True, True]


def test_a_problem_tells_what_stands_in_the_text(nlp):
    _, problems = record_to_doc(record("See ann", ("Ann", "B-NAME"), ("Bob", "B-NAME")), nlp)
    assert problems == [Problem("folded", "'Ann' found as 'ann'"), Problem("missing", "'Bob' not found")]


@pytest.mark.parametrize(
    ("text", "spans", "ents", "problems"),
    [
        pytest.param("at 4pm", [(3, 4, "X")], ["4"], [], id="spaCy parts 4 from pm"),
        pytest.param("Thursday's", [(0, 8, "X")], ["Thursday"], [], id="spaCy parts a possessive"),
        pytest.param("on May4 at", [(3, 6, "X")], ["May4"], [("token_cut", "'May' widened to 'May4'")], id="cut"),
        pytest.param("a b c", [(4, 5, "X"), (0, 1, "Y")], ["a", "c"], [], id="any order"),
        pytest.param(
            "on May4 at",
            [(3, 6, "X"), (6, 7, "Y")],
            ["May4"],
            [
                ("token_cut", "'May' widened to 'May4'"),
                ("token_cut", "'4' widened to 'May4'"),
                ("overlap", "'May4' (Y)"),
            ],
            id="cut and overlap",
        ),
        pytest.param("a b", [], [], [], id="nothing"),
    ],
)
def test_ranges_are_fitted_to_tokens(nlp, text, spans, ents, problems):
    found, said = token_spans(nlp.make_doc(text), [Span(*span) for span in spans])
    assert [ent.text for ent in found] == ents
    assert said == problems


words = st.text("aB4.-'’@İß😀\u0301五\u00a0\x00 ", min_size=1, max_size=4)
labels = st.sampled_from(["B-X", "I-X", "X", "B-Y", "O", "B-O", "U-X", "B-", "?"]) | st.text(max_size=3)
word_labels = st.builds(WordLabel, word=words, label=labels, occurrence=st.sampled_from([None, None, 1, 2]))


@given(st.text("aB4.-'’@İß😀\u0301五\u00a0\x00 \n", max_size=24), st.lists(word_labels, max_size=6))
def test_any_record_becomes_a_doc_of_its_text(nlp, text, labels):
    doc, problems = record_to_doc(Record(text=text, labels=labels), nlp)
    assert doc.text == text
    assert all(ent.text.strip() for ent in doc.ents)
    assert doc.has_annotation("ENT_IOB")
    assert {problem.kind for problem in problems} <= DAMAGE.keys() | REMARKS.keys()


@pytest.mark.parametrize(
    ("intent", "cats", "problems"),
    [
        pytest.param("cancel", {"cancel": 1.0, "inquiry": 0.0}, [], id="known"),
        pytest.param(None, {}, [], id="none"),
        pytest.param("order", {}, [("unknown_intent", "got 'order', allowed are cancel, inquiry")], id="unknown"),
        pytest.param("", {}, [("unknown_intent", "got '', allowed are cancel, inquiry")], id="empty"),
    ],
)
def test_an_intent_becomes_exclusive_categories(intent, cats, problems):
    assert intent_to_cats(intent, ["cancel", "inquiry"]) == (cats, problems)


def test_the_doc_of_a_record_has_the_categories(nlp):
    doc, _ = record_to_doc(record("Call it off", intent="cancel"), nlp, intents=["cancel", "inquiry"])
    assert doc.cats == {"cancel": 1.0, "inquiry": 0.0}


def test_a_sentence_keeps_its_words_as_tokens(nlp):
    sentence = ConllSentence(1, ("don't", "call", "Ann", "Lee", "!"), ("O", "O", "B-PER", "I-PER", "O"))
    doc, problems = sentence_to_doc(sentence, nlp, "IOB2")
    assert [token.text for token in doc] == list(sentence.words)
    assert [(ent.text, ent.label_) for ent in doc.ents] == [("Ann Lee", "PER")]
    assert problems == []


@pytest.mark.parametrize(("scheme", "is_damage"), [("IO", False), ("IOB1", False), ("IOB2", True), ("BILUO", True)])
def test_an_entity_opened_by_an_inside_tag_is_damage_where_the_scheme_forbids_it(nlp, scheme, is_damage):
    doc, problems = sentence_to_doc(ConllSentence(1, ("See", "Ann", "Lee"), ("O", "I-PER", "I-PER")), nlp, scheme)
    assert [ent.text for ent in doc.ents] == ["Ann Lee"]
    assert problems == [("orphan_inside", "got 'Ann': 'I-PER' without B- before it")] * is_damage


def test_touching_entities_of_one_label_stay_apart_in_the_doc(nlp):
    doc, _ = sentence_to_doc(ConllSentence(1, ("Ann", "Bob"), ("I-PER", "B-PER")), nlp, "IOB1")
    assert [ent.text for ent in doc.ents] == ["Ann", "Bob"]
