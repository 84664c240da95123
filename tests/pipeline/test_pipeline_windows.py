"""What long texts are cut into, and what comes back together."""

from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spacy_slm_ner.pipeline.conflicts import resolve
from spacy_slm_ner.pipeline.windows import Window, join_entities, make_windows
from spacy_slm_ner.types import ScoredSpan, Span


@st.composite
def texts(draw: st.DrawFn) -> tuple[list[int], int, int]:
    """Pieces of each token, some more than a window holds; size of a window; overlap."""
    size = draw(st.integers(1, 20))
    overlap = draw(st.integers(0, size - 1))
    short, long = st.integers(1, 3), st.integers(1, size + 2)
    return draw(st.lists(st.one_of(short, long), max_size=40)), size, overlap


@given(texts())
def test_every_token_that_fits_is_in_a_window_and_no_other_token_is(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    covered = {i for window in make_windows(lengths, size, overlap) for i in range(window.start, window.end)}
    assert covered == {i for i, length in enumerate(lengths) if length <= size}


@given(texts())
def test_no_window_has_more_pieces_than_allowed(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    assert all(sum(lengths[window.start : window.end]) <= size for window in make_windows(lengths, size, overlap))


@given(texts())
def test_neighbours_share_no_more_pieces_than_the_overlap(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    for left, right in pairwise(make_windows(lengths, size, overlap)):
        assert sum(lengths[right.start : left.end]) <= overlap


@given(texts())
@example(([1, 1, 2], 2, 1))
@example(([1] * 64 + [384], 384, 64))
def test_every_window_reads_on_where_the_one_before_has_ended(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    for left, right in pairwise(make_windows(lengths, size, overlap)):
        assert left.end < right.end


@given(texts())
def test_the_cores_tile_the_text(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    cores = [i for window in make_windows(lengths, size, overlap) for i in range(window.first, window.last)]
    assert cores == [i for i, length in enumerate(lengths) if length <= size]


@given(texts())
def test_a_core_is_inside_its_window(text: tuple[list[int], int, int]) -> None:
    lengths, size, overlap = text
    assert all(window.start <= window.first <= window.last <= window.end for window in make_windows(lengths, size, overlap))


@given(texts())
@example(([10, 1, 1], 11, 4))
def test_an_entity_of_up_to_half_the_overlap_is_seen_whole_by_the_window_that_owns_its_start(
    text: tuple[list[int], int, int],
) -> None:
    lengths, size, overlap = text
    windows = make_windows(lengths, size, overlap)
    for start, end in combinations(range(len(lengths) + 1), 2):
        if 2 * sum(lengths[start:end]) <= overlap:
            (owner,) = (window for window in windows if window.first <= start < window.last)
            assert end <= owner.end


@pytest.mark.parametrize(
    ("lengths", "size", "overlap", "windows"),
    [
        pytest.param([], 4, 1, [], id="no-token"),
        pytest.param([1, 2, 1], 4, 1, [Window(0, 3, 0, 3)], id="fits"),
        pytest.param([5], 4, 1, [], id="one-oversized-token"),
        pytest.param([5, 9], 4, 1, [], id="oversized-tokens-alone"),
        pytest.param([3, 99, 2], 4, 1, [Window(0, 1, 0, 1), Window(2, 3, 2, 3)], id="oversized-token-inside"),
        pytest.param([99, 1, 1, 99], 4, 1, [Window(1, 3, 1, 3)], id="oversized-tokens-around"),
        pytest.param([1, 1, 1, 1], 2, 0, [Window(0, 2, 0, 2), Window(2, 4, 2, 4)], id="no-overlap"),
        pytest.param([1, 1], 1, 0, [Window(0, 1, 0, 1), Window(1, 2, 1, 2)], id="size-one"),
        pytest.param([1, 2, 1], 1, 0, [Window(0, 1, 0, 1), Window(2, 3, 2, 3)], id="size-one-and-oversized"),
        pytest.param([1] * 6, 4, 2, [Window(0, 4, 0, 3), Window(2, 6, 3, 6)], id="half-and-half"),
    ],
)
def test_windows_are_these(lengths: list[int], size: int, overlap: int, windows: list[Window]) -> None:
    assert make_windows(lengths, size, overlap) == windows


def scored(start: int, end: int, score: float | None = 0.5, label: str = "DATE") -> ScoredSpan:
    return ScoredSpan(Span(start, end, label), score)


@st.composite
def readings(draw: st.DrawFn) -> tuple[list[Window], list[list[ScoredSpan]]]:
    """Windows and any entities in each of them."""
    windows = make_windows(*draw(texts()))
    found = []
    for window in windows:
        ranges = st.tuples(st.integers(0, window.end - window.start), st.integers(0, window.end - window.start))
        entities = st.builds(lambda ends, score: scored(min(ends), max(ends), score), ranges, st.sampled_from([0.1, 0.5, 0.9]))
        found.append([one for one in draw(st.lists(entities, max_size=4)) if one.span.start < one.span.end])
    return windows, found


def placed(windows: list[Window], found: list[list[ScoredSpan]]) -> list[ScoredSpan]:
    """All entities that start in the core of their window, as ranges of the text."""
    moved = [
        (window, scored(span.start + window.start, span.end + window.start, score))
        for window, spans in zip(windows, found)
        for span, score in spans
    ]
    return [one for window, one in moved if window.first <= one.span.start < window.last]


def joined_of(windows: list[Window], found: list[list[ScoredSpan]]) -> list[ScoredSpan]:
    """What stays of the entities of all windows."""
    return resolve(join_entities(windows, found), "score", ())


@given(readings())
def test_joined_entities_are_in_order_and_never_overlap(reading: tuple[list[Window], list[list[ScoredSpan]]]) -> None:
    assert all(left.span.end <= right.span.start for left, right in pairwise(joined_of(*reading)))


@given(readings())
def test_an_entity_is_dropped_only_for_one_that_overlaps_it_and_has_no_lower_score(
    reading: tuple[list[Window], list[list[ScoredSpan]]],
) -> None:
    joined = joined_of(*reading)
    for one in placed(*reading):
        assert one in joined or any(one.span.overlaps(other.span) and other.score >= one.score for other in joined)


@given(readings())
def test_joining_adds_nothing(reading: tuple[list[Window], list[list[ScoredSpan]]]) -> None:
    assert set(joined_of(*reading)) <= set(placed(*reading))


@given(texts(), st.data())
def test_short_entities_that_every_window_finds_come_out_once_each(text: tuple[list[int], int, int], data: st.DataObject) -> None:
    lengths, size, overlap = text
    short = [
        scored(start, end) for start, end in combinations(range(len(lengths) + 1), 2) if 2 * sum(lengths[start:end]) <= overlap
    ]
    gold: list[ScoredSpan] = []
    for one in data.draw(st.permutations(short[:30])):
        if not any(one.span.overlaps(other.span) for other in gold):
            gold.append(one)
    windows = make_windows(lengths, size, overlap)
    found = [
        [
            scored(span.start - window.start, span.end - window.start)
            for span, _ in gold
            if window.start <= span.start and span.end <= window.end
        ]
        for window in windows
    ]
    assert joined_of(windows, found) == sorted(gold)


@pytest.mark.parametrize(
    ("found", "joined"),
    [
        pytest.param([[scored(0, 1)], [scored(2, 3)]], [scored(0, 1), scored(4, 5)], id="one-of-each"),
        pytest.param([[scored(2, 3)], [scored(0, 1)]], [scored(2, 3)], id="the-same-of-both"),
        pytest.param([[scored(3, 4)], []], [], id="outside-the-core"),
        pytest.param([[scored(2, 4, 0.9)], [scored(1, 2, 0.1)]], [scored(2, 4, 0.9)], id="left-is-better"),
        pytest.param([[scored(2, 4, 0.1)], [scored(1, 2, 0.9)]], [scored(3, 4, 0.9)], id="right-is-better"),
    ],
)
def test_entities_of_two_windows_join_to(found: list[list[ScoredSpan]], joined: list[ScoredSpan]) -> None:
    assert joined_of([Window(0, 4, 0, 3), Window(2, 6, 3, 6)], found) == joined
