"""The KV cache of packed batches: keys and values of all sequences in one tensor, written over instead of copied."""

from itertools import groupby
from typing import Optional, Sequence

import torch

from .kv_cache import KeyValues

# A store that has become too small is made twice as wide as it must be now, or a quarter longer than it was.
WIDER, LONGER = 2, 5 / 4


class KVStore:
    """Keys and values of the sequences of a batch. A sequence is a row, and a piece of it a place in that row.

    tensor (Optional[torch.Tensor]): The memory, as another store has left it; None for new memory.
        Shape: (layers, 2, rows, places, heads, head size).
    """

    def __init__(self, tensor: Optional[torch.Tensor] = None) -> None:
        self.tensor = torch.empty(0, 2, 0, 0, 0, 0) if tensor is None else tensor
        # Number of places that each row has come to.
        self.lengths: list[int] = []

    def enter(self, prefixes: Sequence[KeyValues]) -> None:
        """Add rows with the keys and values of their prefixes; see `BatchReader`."""
        first = prefixes[0][0][0]
        if not len(self.tensor):
            self.tensor = first.new_empty(len(prefixes[0]), 2, 0, 0, first.shape[1], first.shape[3])
        start = len(self.lengths)
        self.set_lengths([*self.lengths, *(layers[0][0].shape[2] for layers in prefixes)])
        for _, group in groupby(prefixes, key=id):
            same = list(group)
            rows = slice(start, start + len(same))
            for layer, pair in enumerate(same[0]):
                for i, part in enumerate(pair):
                    self.tensor[layer, i, rows, : part.shape[2]] = part.transpose(1, 2)
            start = rows.stop

    def row(self, number: int) -> KeyValues:
        """Copy the keys and values of a row."""
        length = self.lengths[number]
        parts = self.tensor[:, :, number, :length].transpose(2, 3).unsqueeze(2).clone()
        return tuple((keys, values) for keys, values in parts)

    def set_lengths(self, lengths: list[int]) -> None:
        """Let each row end elsewhere, or add rows. The memory grows where it must, which is the only time that it is copied.

        Most rows come at the start of a batch, and what is long comes first. So new memory has a few more rows than are needed,
        or, if a row has become too long, as many as there are now, and at most twice as many as are in use.
        """
        held, self.lengths = len(self.lengths), lengths
        layers, two, rows, places, *rest = self.tensor.shape
        wanted, width = len(lengths), max(lengths)
        if wanted > rows or width > places:
            size = max(wanted, int(rows * LONGER)) if wanted > rows else min(rows, 2 * wanted)
            # Zeros, as what is masked counts nothing, but must be a number. It is made as wide as it must be now: where rows are
            # more, texts are shorter.
            grown = self.tensor.new_zeros(layers, two, size, WIDER * width, *rest)
            kept = min(places, width)
            grown[:, :, :held, :kept] = self.tensor[:, :, :held, :kept]
            self.tensor = grown

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        """Let the last rows take the places of those that have ended; see `BatchReader`."""
        count = len(staying)
        holes = sorted(set(range(count)) - set(staying))
        movers = [row for row in staying if row >= count]
        moved = dict(zip(holes, movers))
        order = [moved.get(row, row) for row in range(count)]
        self.lengths = [self.lengths[row] for row in order]
        if holes:
            used = self.tensor[:, :, :, : max(self.lengths)]
            used[:, :, holes] = used[:, :, movers]
        return order
