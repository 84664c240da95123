"""Attention of rows of different lengths, which keep their keys and values in one store."""

from itertools import accumulate, pairwise
from typing import Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .reading import Fed

# What one call costs, in products of a query and a key: measured on a processor, a guess elsewhere.
CALL, OTHER_CALL = {"cpu": 4096}, 2**20


class Block:
    """Rows beside each other that attend together, their queries padded to the most that one has.

    fed (Sequence[Fed]): The rows.
    first (int): Place of the first of them in the store.
    start (int): Number of pieces that are read before theirs.
    """

    def __init__(self, fed: Sequence[Fed], first: int, start: int, device: torch.device) -> None:
        counts = np.array([len(row.pieces) for row in fed])
        rows = np.repeat(np.arange(len(fed)), counts)
        columns = np.concatenate([np.arange(count) for count in counts])
        places = np.array([row.length for row in fed])[rows] + columns
        self.shape = len(fed), int(counts.max())
        self.width = int(places.max()) + 1
        self.stored = slice(first, first + len(fed))
        self.pieces = slice(start, start + len(places))
        # A query that is not there sees the first piece, so that nothing is divided by zero.
        padded = np.zeros(self.shape, dtype=np.int64)
        padded[rows, columns] = places
        self.rows, self.columns, self.places = (torch.from_numpy(part).to(device) for part in (rows, columns, places))
        self._seen_to = torch.from_numpy(padded).to(device)
        self._masks: dict[tuple[Optional[int], int], torch.Tensor] = {}

    def attend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        store: torch.Tensor,
        scaling: Optional[float],
        window: Optional[int],
    ) -> torch.Tensor:
        """Attention of one layer. Keys and values are stored first, over what was forgotten.

        query (torch.Tensor): Of all pieces that are read, as are key and value. Shape: (pieces, heads, head size).
        store (torch.Tensor): Shape: (2, rows, places, heads, head size).
        window (Optional[int]): How many pieces a query sees; None for all before it.
        RETURNS (torch.Tensor): For the pieces of this block. Shape: (pieces, heads, head size).
        """
        keys, values = store[:, self.stored, : self.width]
        keys[self.rows, self.places] = key[self.pieces]
        values[self.rows, self.places] = value[self.pieces]
        (rows, columns), (_, heads, size) = self.shape, query.shape
        shared = heads // keys.shape[2]
        # Heads that share their keys stand behind each other, as if they were more queries of one head. What is not a query gives
        # an answer that nobody asks for.
        padded = query.new_empty(rows, heads // shared, shared, columns, size)
        padded[self.rows, :, :, self.columns] = query[self.pieces].unflatten(1, (-1, shared))
        found = functional.scaled_dot_product_attention(
            padded.view(rows, -1, shared * columns, size),
            keys.transpose(1, 2),
            values.transpose(1, 2),
            attn_mask=self._mask(window, shared, query.dtype),
            scale=scaling,
        )
        return found.view(padded.shape)[self.rows, :, :, self.columns].flatten(1, 2)

    def _mask(self, window: Optional[int], shared: int, dtype: torch.dtype) -> torch.Tensor:
        """What each query sees: all pieces up to itself, or the last ones of a window.

        shared (int): How often the queries stand behind each other.
        RETURNS (torch.Tensor): 0 where it sees, or else minus infinity. Shape: (rows, 1, shared * queries, places).
        """
        mask = self._masks.get((window, shared))
        if mask is None:
            distance = self._seen_to[:, None, :, None] - torch.arange(self.width, device=self._seen_to.device)
            unseen = distance < 0 if window is None else (distance < 0) | (distance >= window)
            # As numbers, because a mask of booleans is turned into them again in every layer.
            mask = torch.zeros(unseen.shape, dtype=dtype, device=unseen.device).masked_fill_(unseen, -torch.inf)
            mask = self._masks[window, shared] = mask.repeat(1, 1, shared, 1)
        return mask


def make_blocks(fed: Sequence[Fed], device: torch.device) -> list[Block]:
    """Part rows such that little is padded: those that read whole prompts do not stand with those that read a piece, nor long
    texts with short ones, unless a block more would cost more than that."""
    counts = np.array([len(row.pieces) for row in fed])
    widths = counts + [row.length for row in fed]
    sizes = part(counts, widths, CALL.get(device.type, OTHER_CALL))
    starts = [0, *counts.cumsum().tolist()]
    return [Block(fed[first:end], first, starts[first], device) for first, end in pairwise([0, *accumulate(sizes)])]


def part(counts: NDArray[np.int64], widths: NDArray[np.int64], call: int) -> list[int]:
    """Part rows in two where that saves most, and each of the two again.

    counts (NDArray[np.int64]): Number of queries of each row. Shape: (rows,).
    widths (NDArray[np.int64]): Number of keys. Shape: (rows,).
    call (int): What a part must save.
    RETURNS (list[int]): Number of rows of each part.
    """
    if len(counts) * counts.max() * widths.max() <= call:
        return [len(counts)]
    first, rest = products(counts, widths), products(counts[::-1], widths[::-1])[::-1]
    both = first[:-1] + rest[1:]
    if not len(both) or both.min() + call >= first[-1]:
        return [len(counts)]
    cut = int(both.argmin()) + 1
    return part(counts[:cut], widths[:cut], call) + part(counts[cut:], widths[cut:], call)


def products(counts: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Products of queries and keys of the first row, the first two, and so on, padded. Shape: (rows,)."""
    rows = np.arange(1, len(counts) + 1)
    found: NDArray[np.int64] = rows * np.maximum.accumulate(counts) * np.maximum.accumulate(widths)
    return found
