"""Which pieces make up which tokens, and windows of texts with many pieces.

All is computed for many texts at a time, which are laid end to end: their characters, their pieces and their tokens are counted
over all of them.
"""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Pooling = Literal["first", "last", "mean"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


class PieceAlignment(NamedTuple):
    """Pairs of a piece and a token that it is a part of.

    piece (NDArray): Number of the piece. Ascending.
    token (NDArray): Number of the token.
    share (NDArray): How much of the token's state comes from there. The shares of a token add up to 1.
    """

    piece: NDArray
    token: NDArray
    share: NDArray


class WindowAlignment(NamedTuple):
    """The same by windows, of which several may hold a piece.

    window (NDArray): Number of the window. Ascending.
    column (NDArray): Place of the piece in the window.
    token (NDArray): Number of the token.
    share (NDArray): How much of the token's state comes from there. The shares of a token add up to 1.
    """

    window: NDArray
    column: NDArray
    token: NDArray
    share: NDArray


def align_pieces(pieces: NDArray, tokens: NDArray, pooling: Pooling) -> PieceAlignment:
    """Align pieces and tokens that have a character in common. A token of white space may have no piece.

    pieces (NDArray): Start and end of each piece, in characters. Shape: (pieces, 2).
    tokens (NDArray): The same of each token. Shape: (tokens, 2).
    pooling (Pooling): Whether the state of a token is that of its first piece, of its last, or the mean of all.
    """
    first = np.searchsorted(tokens[:, 1], pieces[:, 0], side="right")
    after = np.searchsorted(tokens[:, 0], pieces[:, 1], side="left")
    counts = np.maximum(after - first, 0)
    piece = np.repeat(np.arange(len(pieces)), counts)
    token = np.repeat(first, counts) + count_up(counts)
    if pooling != "mean":
        # Where a token stands for the first time, from the front or from the back.
        step = 1 if pooling == "first" else -1
        chosen = np.unique(token[::step], return_index=True)[1]
        chosen = np.sort(chosen if pooling == "first" else len(token) - 1 - chosen)
        piece, token = piece[chosen], token[chosen]
    return PieceAlignment(piece, token, 1.0 / np.bincount(token, minlength=1)[token])


def window_ranges(counts: NDArray, size: int, overlap: int) -> NDArray:
    """Cover texts with windows; each but the first of a text begins with the last pieces of the one before.

    counts (NDArray): Number of pieces of each text; one without pieces has no window.
    size (int): Most pieces of a window.
    overlap (int): Pieces that two neighbours share; less than `size`.
    RETURNS (NDArray): Start and end of each window, in pieces. Shape: (windows, 2).
    """
    step = size - overlap
    windows = np.where(counts > 0, -(-np.maximum(counts - overlap, 1) // step), 0)
    text, starts = np.repeat(np.arange(len(counts)), windows), count_up(windows) * step
    ends = np.minimum(starts + size, counts[text])
    return (np.cumsum(counts) - counts)[text, None] + np.stack([starts, ends], axis=1)


def align_windows(alignment: PieceAlignment, ranges: NDArray) -> WindowAlignment:
    """Split an alignment by windows. A piece in two windows gives half of its share from each.

    alignment (PieceAlignment): Of pieces and tokens.
    ranges (NDArray): See `window_ranges`; in any order. Shape: (windows, 2).
    """
    read = np.zeros(ranges.max(initial=0) + 1, dtype=int)
    np.add.at(read, ranges[:, 0], 1)
    np.add.at(read, ranges[:, 1], -1)
    times = np.cumsum(read)
    first, after = np.searchsorted(alignment.piece, ranges).T
    window = np.repeat(np.arange(len(ranges)), after - first)
    chosen = first[window] + count_up(after - first)
    piece = alignment.piece[chosen]
    return WindowAlignment(window, piece - ranges[window, 0], alignment.token[chosen], alignment.share[chosen] / times[piece])


def count_up(counts: NDArray) -> NDArray:
    """Count from 0 as often as is said, such as 0, 1, 2, 0, 1 for 3 and 2. Shape: (ranges,) -> (sum of counts,)."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
