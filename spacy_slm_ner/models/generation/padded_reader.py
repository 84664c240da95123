"""Reading rows of different lengths in a rectangle: shorter rows are padded, and what a row does not have is masked."""

from typing import Any, Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers import DynamicCache

from .batch_reader import KeyValues, StepInput
from .lm_head import Head, Read

# Columns that no row needs, from which on the cache is packed.
SLACK = 32


class PaddedReader:
    """A `BatchReader` for any model of transformers.

    head (Head): Of the model.
    slack (int): Columns that no row needs, from which on they are taken out.
    """

    def __init__(self, head: Head, slack: int = SLACK) -> None:
        self.head = head
        self.slack = slack
        self.cache: Any = DynamicCache()
        # Which columns of the cache are pieces of a row. Shape: (rows, columns).
        self.mask = torch.empty(0, 0, dtype=torch.long, device=head.model.device)
        self.staying: Sequence[int] = ()

    def enter(self, known: Sequence[KeyValues]) -> None:
        """See `BatchReader`; not while rows are read."""
        masks = [self.mask.new_ones(layers[0][0].shape[2]) for layers in known]
        columns = max(map(len, masks))

        def beside(parts: Sequence[torch.Tensor]) -> torch.Tensor:
            return torch.cat([functional.pad(part, (0, 0, columns - part.shape[2], 0)) for part in parts])

        layers = [(beside(keys), beside(values)) for keys, values in (zip(*pairs) for pairs in zip(*known))]
        self.cache = DynamicCache.from_legacy_cache(tuple(layers))
        self.mask = torch.stack([functional.pad(mask, (columns - len(mask), 0)) for mask in masks])
        self.staying = range(len(known))

    def read(self, fed: Sequence[StepInput], whole: bool) -> Read:
        self._forget([row.length for row in fed])
        width = max(len(row.pieces) for row in fed)
        # Padded on the left, so that the last column is the last piece of every row.
        ids, seen, places = (np.zeros((len(fed), width), dtype=np.int64) for _ in range(3))
        for i, row in enumerate(fed):
            start = width - len(row.pieces)
            ids[i, start:], seen[i, start:] = row.pieces, 1
            places[i, start:] = np.arange(row.length, row.length + len(row.pieces))
        device = self.mask.device
        self.mask = torch.cat([self.mask, torch.from_numpy(seen).to(device)], dim=1)
        read = self.head.read(
            max(row.keep for row in fed),
            whole,
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self.mask,
            position_ids=torch.from_numpy(places).to(device),
            past_key_values=self.cache,
            use_cache=True,
        )
        return Read([read.values[i, -row.keep :] for i, row in enumerate(fed)], read.head)

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        self.staying = staying
        return staying

    def close(self) -> None:
        pass

    def _forget(self, lengths: Sequence[int]) -> None:
        """Mask what was read in vain, and take out the rows that have ended and the columns that no row needs."""
        columns, gone = self.mask.shape[1], len(self.staying) < len(self.mask)
        rows = torch.tensor(list(self.staying), device=self.mask.device)
        self.mask = self.mask[rows]
        for row, (known, length) in enumerate(zip(self.mask.sum(dim=1).tolist(), lengths)):
            self.mask[row, columns - (known - length) :] = 0
        self.staying = range(len(rows))
        if gone or columns - max(lengths) > self.slack:
            self._pack(rows, lengths)

    def _pack(self, rows: torch.Tensor, lengths: Sequence[int]) -> None:
        """Keep some rows alone, and the columns that they need."""
        width = max(lengths)
        # A stable sort of the mask moves the columns of a row to the right, in order.
        order = self.mask.argsort(dim=1, stable=True)[:, -width:]
        layers = []
        for layer in self.cache.to_legacy_cache():
            chosen = [
                part[rows].gather(2, order[:, None, :, None].expand(-1, part.shape[1], -1, part.shape[3])) for part in layer
            ]
            layers.append((chosen[0], chosen[1]))
        self.cache = DynamicCache.from_legacy_cache(tuple(layers))
        start = width - torch.tensor(lengths, device=self.mask.device)
        self.mask = (torch.arange(width, device=self.mask.device) >= start[:, None]).long()
