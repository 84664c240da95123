"""Attention of rows of different lengths, which keep their keys and values in one store."""

from itertools import pairwise
from typing import Optional, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .batch_reader import StepInput

# What one call costs, in products of a query and a key: by trial on a processor, a guess elsewhere.
CALL, OTHER_CALL = {"cpu": 4096}, 2**20


class Block:
    """Rows beside each other that attend together, their queries padded to the most that one has.

    fed (Sequence[StepInput]): The rows.
    first (int): Place of the first of them in the store.
    start (int): Number of pieces that are read before theirs.
    """

    def __init__(self, fed: Sequence[StepInput], first: int, start: int, device: torch.device) -> None:
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


def make_blocks(fed: Sequence[StepInput], device: torch.device) -> list[Block]:
    """Part rows such that little is padded: those that read whole prompts do not stand with those that read a piece, nor long
    texts with short ones, unless a block more would cost more than that."""
    counts = np.array([len(row.pieces) for row in fed])
    widths = counts + [row.length for row in fed]
    cuts = best_cuts(counts, widths, CALL.get(device.type, OTHER_CALL))
    starts = [0, *counts.cumsum().tolist()]
    return [Block(fed[first:end], first, starts[first], device) for first, end in pairwise(cuts)]


def best_cuts(counts: NDArray[np.int64], widths: NDArray[np.int64], call: int) -> list[int]:
    """Where to part rows such that products of queries and keys, padding included, are fewest.

    counts (NDArray[np.int64]): Number of queries of each row. Shape: (rows,).
    widths (NDArray[np.int64]): Number of keys. Shape: (rows,).
    call (int): What a part costs beside its products.
    RETURNS (list[int]): First row of each part, and the number of rows.
    """
    rows = len(counts)
    if rows * counts.max() * widths.max() <= call:
        return [0, rows]
    # Dynamic programming over the end of the last part: its most queries and keys by its start, the least cost, the best start.
    most, widest, least, start = (np.zeros(rows + 1, dtype=np.int64) for _ in range(4))
    sizes = np.arange(rows, 0, -1)
    for end in range(1, rows + 1):
        np.maximum(most[:end], counts[end - 1], out=most[:end])
        np.maximum(widest[:end], widths[end - 1], out=widest[:end])
        costs = least[:end] + most[:end] * widest[:end] * sizes[rows - end :]
        start[end] = costs.argmin()
        least[end] = costs[start[end]] + call
    cuts = [rows]
    while cuts[-1]:
        cuts.append(int(start[cuts[-1]]))
    return cuts[::-1]
