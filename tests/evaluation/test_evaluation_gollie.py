import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.evaluation.gollie import filter_entities, score_gollie
from spacy_slm_ner.evaluation.scores import PRF
from spacy_slm_ner.evaluation.string_examples import LabelledString, StringExample


def entities(written: str) -> list[LabelledString]:
    """Read "LABEL: string | LABEL: string"."""
    parts = [entity.split(": ", 1) for entity in written.split(" | ")] if written else []
    return [(string, label) for label, string in parts]


CASES = {
    # Text, gold, predicted; correct, predicted and gold entities; removed entities
    "same": ("Ada comes", "N: Ada", "N: Ada", (1, 1, 1), {}),
    "empty-gold": ("Ada comes", "", "N: Ada", (0, 1, 0), {}),
    "empty-prediction": ("Ada comes", "N: Ada", "", (0, 0, 1), {}),
    "nothing": ("nobody", "", "", (0, 0, 0), {}),
    "wrong-class": ("Ada comes", "N: Ada", "L: Ada", (0, 1, 1), {}),
    # Hallucinations
    "not-in-the-text": ("Ada comes", "N: Ada", "N: Ada | N: Bob", (1, 1, 1), {"hallucinated": 1}),
    "all-hallucinated": ("Ada comes", "N: Ada", "N: Bob | N: Eve", (0, 0, 1), {"hallucinated": 2}),
    "hallucination-of-gold": ("Ada comes", "N: Bob", "N: Bob", (0, 0, 1), {"hallucinated": 1}),
    "empty-text": ("", "", "N: Ada", (0, 0, 0), {"hallucinated": 1}),
    "part-of-a-word": ("the bus", "", "N: us", (0, 1, 0), {}),
    "us-for-bus": ("the bus", "N: bus", "N: us", (0, 1, 1), {}),
    "across-words": ("an ice axe", "", "N: nice", (0, 0, 0), {"hallucinated": 1}),
    "white-space-differs": ("New  York", "L: New  York", "L: New York", (0, 0, 1), {"hallucinated": 1}),
    "decomposed": ("é", "N: é", "N: e\u0301", (0, 0, 1), {"hallucinated": 1}),
    "typographic-quote": ("Ada's", "N: Ada's", "N: Ada’s", (0, 0, 1), {"hallucinated": 1}),
    "brackets-are-strings": ("[X] now", "C: [X]", "C: [X]", (1, 1, 1), {}),
    "punctuation-counts": ("so !!", "C: !!", "C: !!", (1, 1, 1), {}),
    "article-counts": ("The Who", "N: The Who", "N: Who", (0, 1, 1), {}),
    "The": ("The play", "N: The", "N: The", (1, 1, 1), {}),
    # Case
    "case": ("Ada comes", "N: Ada", "N: ADA", (1, 1, 1), {}),
    "dotted-capital-i": ("İzmir", "L: İzmir", "L: i\u0307zmir", (1, 1, 1), {}),
    "dotted-capital-i-holds-an-i": ("İ", "", "L: i", (0, 1, 0), {}),
    "sharp-s": ("Straße", "L: Straße", "L: STRASSE", (0, 0, 1), {"hallucinated": 1}),
    "final-sigma": ("ΟΔΟΣΑ", "L: ΟΔΟΣ", "L: ΟΔΟΣ", (0, 0, 1), {"hallucinated": 1}),
    # White space at the ends: stripped where strings are looked up and compared, not where they are counted. A string begins
    # after "N: ", so a second space is its own.
    "space-of-the-text": ("see Ada now", "N: Ada", "N:  Ada ", (1, 1, 1), {}),
    "space-beyond-the-text": ("Ada", "N: Ada", "N:  Ada", (0, 0, 1), {"surplus": 1}),
    "line-break-beyond-the-text": ("see Ada now", "N: Ada", "N: Ada\n", (0, 0, 1), {"surplus": 1}),
    "space-in-gold": ("see Ada now", "N:  Ada ", "N: Ada", (1, 1, 1), {}),
    "counted-apart-with-space": ("see Ada now", "N: Ada", "N: Ada | N: Ada ", (1, 2, 1), {}),
    "space-alone": ("a b", "", "N:   | N:  ", (0, 1, 0), {"surplus": 1}),
    "empty-string-has-no-cap": ("", "", "N:  | N:  | N: ", (0, 3, 0), {}),
    # Caps
    "repeated-beyond-the-text": ("Ada comes", "N: Ada", "N: Ada | N: Ada", (1, 1, 1), {"surplus": 1}),
    "repeated-as-in-the-text": ("Ada saw Ada", "N: Ada", "N: Ada | N: Ada", (1, 2, 1), {}),
    "both-mentions": ("Ada saw Ada", "N: Ada | N: Ada", "N: Ada | N: Ada", (2, 2, 2), {}),
    "one-mention-is-matched-once": ("Ada saw Ada", "N: Ada | N: Ada", "N: Ada", (1, 1, 2), {}),
    "capped-across-case": ("Ada comes", "N: Ada", "N: Ada | N: ADA | N: ada", (1, 1, 1), {"surplus": 2}),
    "word-raises-the-cap": ("the bus to us", "N: us", "N: us | N: us | N: us", (1, 2, 1), {"surplus": 1}),
    "overlaps-count-once": ("aaa", "", "N: aa | N: aa", (0, 1, 0), {"surplus": 1}),
    # One string with two types shares one cap: what stands first stays
    "two-types-right-one-first": ("Jordan won", "N: Jordan", "N: Jordan | L: Jordan", (1, 1, 1), {"surplus": 1}),
    "two-types-right-one-last": ("Jordan won", "N: Jordan", "L: Jordan | N: Jordan", (0, 1, 1), {"surplus": 1}),
    "two-types-in-gold": ("Jordan won", "N: Jordan | L: Jordan", "N: Jordan | L: Jordan", (1, 1, 2), {"surplus": 1}),
    "two-types-two-mentions": ("Jordan left Jordan", "N: Jordan | L: Jordan", "L: Jordan | N: Jordan", (2, 2, 2), {}),
    # Unknown classes
    "unknown-class": ("Ada comes", "N: Ada", "X: Ada", (0, 0, 1), {"unknown_class": 1}),
    "unknown-class-uses-no-mention": ("Ada comes", "N: Ada", "X: Ada | N: Ada", (1, 1, 1), {"unknown_class": 1}),
    "unknown-class-and-not-in-the-text": ("Ada comes", "", "X: Bob", (0, 0, 0), {"unknown_class": 1}),
    "unknown-class-in-gold": ("Ada comes", "X: Ada", "N: Ada", (0, 1, 0), {}),
    "class-in-another-case": ("Ada comes", "N: Ada", "n: Ada", (0, 0, 1), {"unknown_class": 1}),
}


@pytest.mark.parametrize(("text", "gold", "predicted", "expected", "removed"), CASES.values(), ids=CASES)
def test_scores_computed_by_hand(
    text: str, gold: str, predicted: str, expected: tuple[int, int, int], removed: dict[str, int]
) -> None:
    scores = score_gollie([StringExample(text, entities(gold), entities(predicted))], ["N", "L", "C"])
    assert (scores.prf, dict(scores.removed), scores.unparsable) == (PRF(*expected), removed, 0)


def test_all_classes_are_known_if_none_is_named() -> None:
    scores = score_gollie([StringExample("Ada comes", entities("X: Ada"), entities("X: Ada"))])
    assert (scores.prf, scores.removed) == (PRF(1, 1, 1), {})


def test_an_answer_that_cannot_be_parsed_is_empty_and_counted() -> None:
    gold = entities("N: Ada")
    scores = score_gollie([StringExample("Ada", gold, None), StringExample("Ada", gold, []), StringExample("Ada", gold, gold)])
    assert (scores.prf, scores.unparsable) == (PRF(1, 1, 3), 1)


def test_no_text_is_a_score_of_zero() -> None:
    assert score_gollie([]).to_dict() == {"precision": 0, "recall": 0, "f1": 0, "gold": 0, "predicted": 0, "removed": 0}


def test_caps_hold_for_each_text() -> None:
    ada = entities("N: Ada")
    assert score_gollie([StringExample("Ada", ada, ada)] * 3).prf == PRF(3, 3, 3)


def test_figures_are_those_that_json_can_hold() -> None:
    figures = score_gollie([StringExample("Ada", entities("N: Ada"), entities("N: Ada | N: Bob | N: Ada"))]).to_dict()
    assert figures == {"precision": 1, "recall": 1, "f1": 1, "gold": 1, "predicted": 1, "removed": 2}
    assert json.loads(json.dumps(figures)) == figures


STRING = st.text(alphabet="aAbB .]İΣσ\n", max_size=4)
ENTITIES = st.lists(st.tuples(STRING, st.sampled_from(["N", "L", "X"])), max_size=6)
TEXT = st.text(alphabet="aAbB .]İΣσ\n", max_size=12)
EXAMPLES = st.lists(st.builds(StringExample, TEXT, ENTITIES, st.none() | ENTITIES), max_size=4)


@given(examples=EXAMPLES)
def test_counts_are_in_their_bounds(examples: list[StringExample]) -> None:
    scores = score_gollie(examples, ["N", "L"])
    assert 0 <= scores.prf.credit <= min(scores.prf.predicted, scores.prf.gold)
    assert 0 <= scores.prf.f1 <= 1


@given(text=TEXT, predicted=ENTITIES)
def test_every_entity_is_kept_or_counted(text: str, predicted: list[LabelledString]) -> None:
    answer = filter_entities(text, predicted, ["N", "L"])
    assert len(answer.kept) + answer.removed.total() == len(predicted)


@given(text=TEXT, predicted=ENTITIES)
def test_what_is_kept_is_kept_again(text: str, predicted: list[LabelledString]) -> None:
    kept = filter_entities(text, predicted).kept
    assert filter_entities(text, kept) == (kept, {})


@given(text=TEXT, predicted=ENTITIES)
def test_kept_entities_are_all_right_as_gold(text: str, predicted: list[LabelledString]) -> None:
    kept = filter_entities(text, predicted).kept
    assert score_gollie([StringExample(text, kept, predicted)]).prf.f1 == float(bool(kept))


@given(examples=EXAMPLES, data=st.data())
def test_order_of_texts_and_gold_entities_does_not_matter(examples: list[StringExample], data: st.DataObject) -> None:
    others = [eg._replace(gold=data.draw(st.permutations(eg.gold))) for eg in examples]
    assert score_gollie(data.draw(st.permutations(others))) == score_gollie(examples)


@given(eg=st.builds(StringExample, TEXT, ENTITIES, ENTITIES), data=st.data())
def test_order_of_predicted_entities_does_not_matter_where_there_is_one_class(eg: StringExample, data: st.DataObject) -> None:
    """See the cases "two-types", where a string has several and the first one stays."""
    predicted = [(string, "N") for string, _ in eg.predicted or ()]
    shuffled = data.draw(st.permutations(predicted))
    assert score_gollie([eg._replace(predicted=shuffled)]) == score_gollie([eg._replace(predicted=predicted)])
