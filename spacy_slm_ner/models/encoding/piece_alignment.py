"""The alignment of pieces and tokens, as a whole and by overlapping windows."""

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

Pooling = Literal["first", "last", "mean"]
POOLINGS: tuple[Pooling, ...] = get_args(Pooling)


class PieceAlignment(NamedTuple):
    """Pairs of a piece, or the place where it is read, and a token that it is a part of.

    piece (NDArray): Number of the piece, or its column in a window. Ascending.
    token (NDArray): Number of the token.
    share (NDArray): How much of the token's state comes from there. The shares of a token add up to 1.
    """

    piece: NDArray
    token: NDArray
    share: NDArray

    def take(self, chosen: NDArray) -> "PieceAlignment":
        return PieceAlignment(self.piece[chosen], self.token[chosen], self.share[chosen])


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
    token = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(first, counts)
    if pooling != "mean":
        # Where a token stands for the first time, from the front or from the back.
        step = 1 if pooling == "first" else -1
        chosen = np.unique(token[::step], return_index=True)[1]
        chosen = np.sort(chosen if pooling == "first" else len(token) - 1 - chosen)
        piece, token = piece[chosen], token[chosen]
    return PieceAlignment(piece, token, 1.0 / np.bincount(token, minlength=1)[token])


def window_ranges(pieces: int, size: int, overlap: int) -> NDArray:
    """Cover a text with windows; each but the first begins with the last pieces of the one before.

    pieces (int): Of the text.
    size (int): Most pieces of a window.
    overlap (int): Pieces that two neighbours share; less than `size`.
    RETURNS (NDArray): Start and end of each; none for a text without pieces. Shape: (windows, 2).
    """
    if not pieces:
        return np.zeros((0, 2), dtype=int)
    starts = np.arange(0, max(pieces - overlap, 1), size - overlap)
    return np.stack([starts, np.minimum(starts + size, pieces)], axis=1)


def split_alignment(alignment: PieceAlignment, ranges: NDArray) -> list[PieceAlignment]:
    """Split an alignment by windows, with columns of the window. A piece in two windows gives half of its share from each.

    alignment (PieceAlignment): Of a text.
    ranges (NDArray): See `window_ranges`.
    """
    if not len(ranges):
        return []
    read = np.zeros(int(ranges[-1, 1]) + 1, dtype=int)
    np.add.at(read, ranges[:, 0], 1)
    np.add.at(read, ranges[:, 1], -1)
    times = np.cumsum(read)
    shared = alignment._replace(share=alignment.share / times[alignment.piece])
    edges = np.searchsorted(alignment.piece, ranges)
    parts = [shared.take(np.arange(low, high)) for low, high in edges]
    return [part._replace(piece=part.piece - start) for part, (start, _) in zip(parts, ranges)]
