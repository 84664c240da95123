from itertools import pairwise
from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.pipeline.conflicts import Conflicts, count_conflicts, resolve
from spacy_slm_ner.types import ScoredSpan, Span

LABELS = ["A", "B"]
FOUND = st.lists(
    st.builds(
        lambda start, length, label, score: ScoredSpan(Span(start, start + length, label), score),
        st.integers(0, 8),
        st.integers(1, 4),
        st.sampled_from(["A", "B", "C"]),
        st.sampled_from([None, 0.1, 0.5, 0.9]),
    )
)
HOW = st.sampled_from(["score", "order", "keep"])


def one(start: int, end: int, label: str = "A", score: Optional[float] = 0.5) -> ScoredSpan:
    return ScoredSpan(Span(start, end, label), score)


@given(FOUND, HOW)
def test_nothing_is_invented_and_what_stays_is_in_order(found: list[ScoredSpan], how: Conflicts) -> None:
    kept = resolve(found, how, LABELS)
    assert set(kept) <= set(found)
    assert [*map(tuple, kept)] == sorted(map(tuple, kept), key=lambda one: one[0])
    if how == "keep":
        assert {one.span for one in kept} == {one.span for one in found} and len({one.span for one in kept}) == len(kept)
    else:
        assert all(left.span.end <= right.span.start for left, right in pairwise(kept))


@given(FOUND, HOW)
def test_what_goes_overlaps_something_that_stays(found: list[ScoredSpan], how: Conflicts) -> None:
    kept = resolve(found, how, LABELS)
    assert all(any(one.span.overlaps(other.span) for other in kept) for one in found)


@given(FOUND)
def test_entities_that_overlap_others_are_counted(found: list[ScoredSpan]) -> None:
    spans = {one.span for one in found}
    expected = [span for span in spans if any(span.overlaps(other) for other in spans - {span})]
    assert count_conflicts(found) == len(expected)


@pytest.mark.parametrize(
    ("how", "found", "kept"),
    [
        pytest.param("score", [one(0, 2, "A", 0.1), one(1, 3, "B", 0.9)], [one(1, 3, "B", 0.9)], id="better"),
        pytest.param("score", [one(0, 2, "B", 0.5), one(1, 3, "A", 0.5)], [one(0, 2, "B", 0.5)], id="as-good"),
        pytest.param("score", [one(0, 2, "A", None), one(1, 3, "B", 0.0)], [one(1, 3, "B", 0.0)], id="not-known"),
        pytest.param("order", [one(0, 2, "B", 0.9), one(1, 3, "A", 0.1)], [one(1, 3, "A", 0.1)], id="order"),
        pytest.param("order", [one(0, 2, "C", 0.9), one(1, 3, "B", 0.1)], [one(1, 3, "B", 0.1)], id="not-among-the-labels"),
        pytest.param("keep", [one(0, 2, "A", 0.1), one(0, 2, "A", 0.9)], [one(0, 2, "A", 0.9)], id="equal"),
        pytest.param("keep", [one(0, 2, "B"), one(0, 2, "A")], [one(0, 2, "A"), one(0, 2, "B")], id="two-labels"),
    ],
)
def test_of_two(how: Conflicts, found: list[ScoredSpan], kept: list[ScoredSpan]) -> None:
    assert resolve(found, how, LABELS) == kept


def test_many_entities_are_resolved_quickly() -> None:
    found = [one(i, i + 3) for i in range(100_000)]
    assert len(resolve(found, "score", LABELS)) == 33_334
    assert count_conflicts(found) == 100_000
