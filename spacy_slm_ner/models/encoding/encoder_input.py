"""Docs as batches of windows that a model reads."""

from itertools import pairwise
from typing import Iterator, List, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from .piece_alignment import Pooling, WindowAlignment, align_pieces, align_windows, window_ranges
from .text_tokenizer import TextTokenizer, token_ranges

# What a pass costs beside its pieces, in pieces: measured on a CPU. Elsewhere few large ones are the fastest.
CALL = {"cpu": 64}


class EncodingOptions(NamedTuple):
    """How Docs are read.

    window (int): Most pieces of a text that are read at a time.
    overlap (int): Pieces that two windows of a long text share.
    pooling (Pooling): Which pieces of a token stand for it.
    bidirectional (bool): Whether a decoder's causal mask is off.
    batch_pieces (int): Most pieces, padding included, that are read at a time.
    echo (bool): Whether a window is read twice in a row, for the states of the second time, which know the whole window also in
        a model that sees what was before alone (Springer et al. 2024, "Repetition Improves Language Model Embeddings").
    """

    window: int
    overlap: int
    pooling: Pooling
    bidirectional: bool
    batch_pieces: int
    echo: bool = False

    @property
    def times(self) -> int:
        """How often a window is read."""
        return 2 if self.echo else 1


class EncoderBatch(NamedTuple):
    """Windows that are read at a time.

    ids (NDArray): Piece ids, special ones included, and padding. Shape: (windows, longest).
    lengths (NDArray): Number of pieces of each window. Shape: (windows,).
    place (NDArray): Places of pieces in the batch, its rows laid end to end, ...
    token (NDArray): ... the token that each is a part of, counted over all Docs, ...
    share (NDArray): ... and how much of the token's state comes from there.
    """

    ids: NDArray
    lengths: NDArray
    place: NDArray
    token: NDArray
    share: NDArray


class EncoderInput:
    """The windows of Docs, from the shortest to the longest.

    docs (Sequence[Doc]): The Docs, of any length.
    tokenizer (TextTokenizer): Of the model.
    options (EncodingOptions): How they are read.
    """

    def __init__(self, docs: Sequence[Doc], tokenizer: TextTokenizer, options: EncodingOptions) -> None:
        tokens = token_ranges(docs)
        pieces = tokenizer.encode([doc.text for doc in docs], tokens)
        ranges = window_ranges(pieces.counts, options.window, options.overlap)
        sizes = ranges[:, 1] - ranges[:, 0]
        order = np.argsort(sizes, kind="stable")
        alignment = align_pieces(pieces.characters, tokens.characters, options.pooling)
        self.ids, self.ranges, self.sizes = pieces.ids, ranges[order], sizes[order]
        self.alignment: WindowAlignment = align_windows(alignment, self.ranges)
        self.front, self.back, self.times = tokenizer.front, tokenizer.back, options.times
        # Number of pieces of each window, as it is read.
        self.lengths = len(self.front) + self.times * self.sizes + len(self.back)

    def batches(self, most: int, call: int, padding: int) -> Iterator[EncoderBatch]:
        """Yield batches of windows of like length.

        most (int): Most pieces of a batch, padding included; a longer window is a batch of its own.
        call (int): What a batch costs beside its pieces, in pieces.
        padding (int): Id of the piece behind the end of a window.
        """
        edges = batch_edges(self.lengths.tolist(), most, call)
        for first, after in pairwise(edges):
            yield self.batch(first, after, padding)

    def batch(self, first: int, after: int, padding: int) -> EncoderBatch:
        """Make a batch of neighbouring windows; they are read with the special pieces around them, as often as is said."""
        lengths, sizes = self.lengths[first:after, None], self.sizes[first:after, None]
        columns = np.arange(lengths.max()) - len(self.front)
        inside = (columns >= 0) & (columns < self.times * sizes)
        ids = np.full(inside.shape, padding)
        ids[:, : len(self.front)] = self.front
        ids[inside] = self.ids[(self.ranges[first:after, :1] + columns % sizes)[inside]]
        ids[np.arange(len(ids))[:, None], lengths - len(self.back) + np.arange(len(self.back))] = self.back
        part = slice(*np.searchsorted(self.alignment.window, (first, after)))
        window, column, token, share = (values[part] for values in self.alignment)
        # The states of the last time count.
        column = column + len(self.front) + (self.times - 1) * self.sizes[window]
        return EncoderBatch(ids, lengths[:, 0], (window - first) * ids.shape[1] + column, token, share)


def batch_edges(lengths: Sequence[int], most: int, call: int) -> List[int]:
    """Divide windows into batches. One ends where the next window would pad it by more than another batch costs.

    lengths (Sequence[int]): Of the windows, ascending.
    RETURNS (List[int]): First window of each batch, and the number of windows.
    """
    edges, pieces = [0], 0
    for number, length in enumerate(lengths):
        padded = length * (number - edges[-1] + 1)
        if number > edges[-1] and (padded > most or padded - length - pieces > call):
            edges.append(number)
            pieces = 0
        pieces += length
    return [*edges, len(lengths)] if lengths else edges
