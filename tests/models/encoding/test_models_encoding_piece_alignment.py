"""Pieces, tokens and windows."""

from itertools import accumulate, chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.models.encoding.piece_alignment import POOLINGS, Pooling, align_pieces, align_windows, window_ranges

RANGES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), max_size=12)
SIZES = st.integers(1, 6).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


def place(gaps: list[tuple[int, int]]) -> np.ndarray:
    """Ranges in a row, each behind a gap."""
    ends = np.cumsum([gap + length for gap, length in gaps])
    return np.array([(end - length, end) for end, (_, length) in zip(ends, gaps)], dtype=int).reshape(-1, 2)


@given(RANGES, RANGES)
def test_pieces_and_tokens_are_linked_where_they_share_a_character(pieces: list, tokens: list) -> None:
    pieces, tokens = place(pieces), place(tokens)
    alignment = align_pieces(pieces, tokens, "mean")
    expected = [(i, j) for i, (a, b) in enumerate(pieces) for j, (start, end) in enumerate(tokens) if a < end and start < b]
    assert list(zip(alignment.piece.tolist(), alignment.token.tolist())) == expected


@given(RANGES, RANGES, st.sampled_from(POOLINGS))
def test_shares_of_a_token_add_up_to_one(pieces: list, tokens: list, pooling: Pooling) -> None:
    everything = align_pieces(place(pieces), place(tokens), "mean")
    alignment = align_pieces(place(pieces), place(tokens), pooling)
    assert set(alignment.token) == set(everything.token)
    assert all(alignment.share[alignment.token == token].sum() == pytest.approx(1.0) for token in alignment.token)
    if pooling != "mean":
        choose = min if pooling == "first" else max
        assert {(t, p) for p, t in zip(alignment.piece, alignment.token)} == {
            (t, choose(everything.piece[everything.token == t])) for t in everything.token
        }


def test_one_piece_of_two_tokens_counts_for_both() -> None:
    alignment = align_pieces(np.array([[0, 3], [3, 6]]), np.array([[0, 2], [2, 6]]), "first")
    assert list(zip(alignment.piece, alignment.token)) == [(0, 0), (0, 1)]


def test_several_pieces_of_one_character_are_one_token() -> None:
    """Byte-level pieces of an emoji all have its range."""
    alignment = align_pieces(np.array([[0, 1], [0, 1], [0, 1], [2, 3]]), np.array([[0, 1], [2, 3]]), "last")
    assert list(zip(alignment.piece, alignment.token)) == [(2, 0), (3, 1)]


@given(st.lists(st.integers(0, 60), max_size=4), SIZES)
def test_windows_cover_texts(counts: list[int], sizes: tuple[int, int]) -> None:
    size, overlap = sizes
    ranges = window_ranges(np.array(counts, dtype=int), size, overlap).tolist()
    assert all(0 < end - start <= size for start, end in ranges)
    assert [ranges[0][0], ranges[-1][1]] == [0, sum(counts)] if ranges else sum(counts) == 0
    ends = set(accumulate(counts))
    for left, right in pairwise(ranges):
        assert left[1] == right[0] if left[1] in ends else left[1] - right[0] == overlap
        assert not any(start < end < stop for start, stop in (left, right) for end in ends)


@given(st.lists(RANGES, max_size=3), st.lists(RANGES, max_size=3), SIZES, st.sampled_from(POOLINGS))
def test_windows_share_their_pieces(texts: list, words: list, sizes: tuple[int, int], pooling: Pooling) -> None:
    alignment = align_pieces(place(list(chain(*texts))), place(list(chain(*words))), pooling)
    ranges = window_ranges(np.array([len(text) for text in texts], dtype=int), *sizes)[::-1]
    parts = align_windows(alignment, ranges)
    assert (np.diff(parts.window) >= 0).all()
    length = (ranges[:, 1] - ranges[:, 0])[parts.window]
    assert (parts.column >= 0).all() and (parts.column < length).all()
    pairs = set(zip(alignment.piece.tolist(), alignment.token.tolist()))
    assert set(zip((ranges[parts.window, 0] + parts.column).tolist(), parts.token.tolist())) == pairs
    given_to = np.bincount(parts.token, weights=parts.share)
    np.testing.assert_allclose(given_to[np.unique(alignment.token)], 1.0)
