from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.evaluation.pairing import Pair, pair_spans
from spacy_slm_ner.labels import decode_tags
from spacy_slm_ner.types import Span

TAGS = st.sampled_from(["O", "B-X", "I-X", "B-Y", "I-Y"])
ANNOTATIONS = st.lists(TAGS, max_size=10).map(lambda tags: decode_tags(tags)[0])


def kinds(pairs: list[Pair]) -> list[str]:
    return [pair.kind for pair in pairs]


@pytest.mark.parametrize(
    ("gold", "predicted", "kind"),
    [
        pytest.param([Span(0, 4, "DATE")], [Span(0, 4, "DATE")], "correct", id="same-range-same-label"),
        pytest.param([Span(0, 4, "DATE")], [Span(0, 5, "DATE")], "wrong_boundary", id="longer-same-label"),
        pytest.param([Span(0, 4, "DATE")], [Span(3, 9, "DATE")], "wrong_boundary", id="shifted-same-label"),
        pytest.param([Span(0, 4, "DATE")], [Span(0, 4, "TIME")], "wrong_label", id="same-range-another-label"),
        pytest.param([Span(0, 4, "DATE")], [Span(2, 3, "TIME")], "wrong_label", id="inside-another-label"),
        pytest.param([Span(0, 4, "DATE")], [], "missed", id="nothing-predicted"),
        pytest.param([], [Span(0, 4, "DATE")], "spurious", id="nothing-in-gold"),
    ],
)
def test_kind_of_a_pair(gold: list[Span], predicted: list[Span], kind: str) -> None:
    assert kinds(pair_spans(gold, predicted)) == [kind]


def test_ranges_that_only_touch_are_not_paired() -> None:
    assert kinds(pair_spans([Span(0, 4, "DATE")], [Span(4, 8, "DATE")])) == ["missed", "spurious"]


def test_same_label_is_preferred_to_more_shared_positions() -> None:
    gold, other, same = Span(0, 9, "DATE"), Span(0, 7, "TIME"), Span(7, 9, "DATE")
    assert Pair(gold, same) in pair_spans([gold], [other, same])


def test_more_shared_positions_are_preferred_among_one_label() -> None:
    gold, less, more = Span(0, 9, "DATE"), Span(0, 3, "DATE"), Span(3, 9, "DATE")
    assert Pair(gold, more) in pair_spans([gold], [less, more])


def test_a_prediction_over_two_entities_answers_one_of_them() -> None:
    pairs = pair_spans([Span(0, 4, "NAME"), Span(5, 9, "NAME")], [Span(0, 9, "NAME")])
    assert sorted(kinds(pairs)) == ["missed", "wrong_boundary"]


def test_pairs_are_in_text_order() -> None:
    first, second, third = Span(0, 2, "NAME"), Span(3, 5, "DATE"), Span(6, 8, "TIME")
    assert pair_spans([third, first], [second, third]) == [Pair(first, None), Pair(None, second), Pair(third, third)]


def test_order_is_that_of_gold_where_a_prediction_begins_earlier() -> None:
    name, date, predicted = Span(2, 3, "NAME"), Span(4, 6, "DATE"), Span(1, 5, "DATE")
    assert pair_spans([name, date], [predicted]) == [Pair(name, None), Pair(date, predicted)]


@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_every_entity_is_used_exactly_once_and_gold_ones_in_order(gold: list[Span], predicted: list[Span]) -> None:
    pairs = pair_spans(gold, predicted)
    assert [pair.gold for pair in pairs if pair.gold] == gold
    assert sorted(pair.predicted for pair in pairs if pair.predicted) == predicted
    assert Pair(None, None) not in pairs


@given(spans=ANNOTATIONS)
def test_identical_annotations_are_all_correct(spans: list[Span]) -> None:
    assert pair_spans(spans, spans) == [Pair(span, span) for span in spans]


@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_every_entity_that_both_sides_have_is_correct(gold: list[Span], predicted: list[Span]) -> None:
    assert kinds(pair_spans(gold, predicted)).count("correct") == len(set(gold) & set(predicted))


@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_swapping_the_sides_swaps_missed_and_spurious_and_nothing_else(gold: list[Span], predicted: list[Span]) -> None:
    counts, swapped = Counter(kinds(pair_spans(gold, predicted))), Counter(kinds(pair_spans(predicted, gold)))
    counts["missed"], counts["spurious"] = counts["spurious"], counts["missed"]
    assert counts == swapped


@given(gold=ANNOTATIONS, predicted=ANNOTATIONS)
def test_no_missed_entity_overlaps_a_spurious_one(gold: list[Span], predicted: list[Span]) -> None:
    pairs = pair_spans(gold, predicted)
    missed = [pair.gold for pair in pairs if pair.gold and pair.kind == "missed"]
    spurious = [pair.predicted for pair in pairs if pair.predicted and pair.kind == "spurious"]
    assert not any(m.overlaps(s) for m in missed for s in spurious)
