"""Attention of sequences of different lengths, whose keys and values are in one store."""

from itertools import pairwise
from typing import Optional, Sequence

import numpy as np
import torch
from torch.nn import functional

from .batch_reader import StepInput
from .block_partition import best_partition

# What one call of the attention costs, in products of a query and a key: measured on a CPU, a guess elsewhere.
CALL, OTHER_CALL = {"cpu": 4096}, 2**20


class AttentionBlock:
    """Neighbouring sequences that attend in one call, their queries padded to the most that one has.

    steps (Sequence[StepInput]): The sequences.
    first (int): Row of the first of them in the store.
    start (int): Number of pieces that are read before theirs.
    """

    def __init__(self, steps: Sequence[StepInput], first: int, start: int, device: torch.device) -> None:
        counts = np.array([len(step.pieces) for step in steps])
        rows = np.repeat(np.arange(len(steps)), counts)
        columns = np.concatenate([np.arange(count) for count in counts])
        positions = np.array([step.length for step in steps])[rows] + columns
        self.shape = len(steps), int(counts.max())
        self.width = int(positions.max()) + 1
        self.stored = slice(first, first + len(steps))
        self.pieces = slice(start, start + len(positions))
        # A query that is padding sees the first piece, so that nothing is divided by zero.
        last_seen = np.zeros(self.shape, dtype=np.int64)
        last_seen[rows, columns] = positions
        self.rows, self.columns, self.positions = (torch.from_numpy(part).to(device) for part in (rows, columns, positions))
        self._last_seen = torch.from_numpy(last_seen).to(device)
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
        keys[self.rows, self.positions] = key[self.pieces]
        values[self.rows, self.positions] = value[self.pieces]
        (rows, columns), (_, heads, size) = self.shape, query.shape
        shared = heads // keys.shape[2]
        # Heads that share their keys stand behind each other, as if they were more queries of one head. What is not a query gives
        # a result that nobody asks for.
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
        """Make the attention mask: a query sees all pieces up to itself, or the last ones of a window.

        shared (int): How often the queries stand behind each other.
        RETURNS (torch.Tensor): 0 where it sees, or else minus infinity. Shape: (rows, 1, shared * queries, places).
        """
        mask = self._masks.get((window, shared))
        if mask is None:
            distance = self._last_seen[:, None, :, None] - torch.arange(self.width, device=self._last_seen.device)
            unseen = distance < 0 if window is None else (distance < 0) | (distance >= window)
            # As numbers, because a mask of booleans is turned into them again in every layer.
            mask = torch.zeros(unseen.shape, dtype=dtype, device=unseen.device).masked_fill_(unseen, -torch.inf)
            mask = self._masks[window, shared] = mask.repeat(1, 1, shared, 1)
        return mask


def make_blocks(steps: Sequence[StepInput], device: torch.device) -> list[AttentionBlock]:
    """Partition sequences into blocks with little padding: those that read whole prompts are not together with those that read
    a piece, nor long texts with short ones, unless another block would cost more than that."""
    queries = np.array([len(step.pieces) for step in steps])
    keys = queries + [step.length for step in steps]
    edges = best_partition(queries, keys, CALL.get(device.type, OTHER_CALL))
    starts = [0, *queries.cumsum().tolist()]
    return [AttentionBlock(steps[first:end], first, starts[first], device) for first, end in pairwise(edges)]
