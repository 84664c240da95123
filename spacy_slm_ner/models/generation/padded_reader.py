"""Sequences of different lengths read in a rectangle: shorter ones are padded, and what a sequence does not have is masked."""

from typing import Any, Sequence

import numpy as np
import torch
from torch.nn import functional

from .batch_reader import StepInput
from .kv_cache import KeyValues, key_values, to_cache
from .lm_head import LMHead, StepLogits

# Columns that no sequence needs, from which on they are taken out of the cache.
SLACK = 32


class PaddedReader:
    """A `BatchReader` for any model of transformers.

    lm_head (LMHead): Of the model.
    slack (int): Columns that no sequence needs, from which on they are taken out.
    """

    def __init__(self, lm_head: LMHead, slack: int = SLACK) -> None:
        self.lm_head = lm_head
        self.slack = slack
        self.cache: Any = to_cache()
        # Which columns of the cache are pieces of a sequence. Shape: (rows, columns).
        self.mask = torch.empty(0, 0, dtype=torch.long, device=lm_head.model.device)
        self.staying: Sequence[int] = ()

    def enter(self, prefixes: Sequence[KeyValues]) -> None:
        """See `BatchReader`; not while sequences are read."""
        masks = [self.mask.new_ones(layers[0][0].shape[2]) for layers in prefixes]
        columns = max(map(len, masks))

        def beside(parts: Sequence[torch.Tensor]) -> torch.Tensor:
            return torch.cat([functional.pad(part, (0, 0, columns - part.shape[2], 0)) for part in parts])

        layers = [(beside(keys), beside(values)) for keys, values in (zip(*pairs) for pairs in zip(*prefixes))]
        self.cache = to_cache(tuple(layers))
        self.mask = torch.stack([functional.pad(mask, (columns - len(mask), 0)) for mask in masks])
        self.staying = range(len(prefixes))

    def read(self, steps: Sequence[StepInput], whole: bool) -> StepLogits:
        self._forget([step.length for step in steps])
        width = max(len(step.pieces) for step in steps)
        # Padded on the left, so that the last column is the last piece of every sequence.
        ids, seen, positions = (np.zeros((len(steps), width), dtype=np.int64) for _ in range(3))
        for i, step in enumerate(steps):
            start = width - len(step.pieces)
            ids[i, start:], seen[i, start:] = step.pieces, 1
            positions[i, start:] = np.arange(step.length, step.length + len(step.pieces))
        device = self.mask.device
        self.mask = torch.cat([self.mask, torch.from_numpy(seen).to(device)], dim=1)
        read = self.lm_head.forward(
            max(step.keep for step in steps),
            whole,
            self.cache,
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self.mask,
            position_ids=torch.from_numpy(positions).to(device),
        )
        return read._replace(values=[read.values[i, -step.keep :] for i, step in enumerate(steps)])

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        self.staying = staying
        return staying

    def close(self) -> None:
        pass

    def _forget(self, lengths: Sequence[int]) -> None:
        """Mask what was read in vain, and take out the sequences that have ended and the columns that none needs."""
        columns, gone = self.mask.shape[1], len(self.staying) < len(self.mask)
        rows = torch.tensor(list(self.staying), device=self.mask.device)
        self.mask = self.mask[rows]
        for row, (cached, length) in enumerate(zip(self.mask.sum(dim=1).tolist(), lengths)):
            self.mask[row, columns - (cached - length) :] = 0
        self.staying = range(len(rows))
        if gone or columns - max(lengths) > self.slack:
            self._take_out(rows, lengths)

    def _take_out(self, rows: torch.Tensor, lengths: Sequence[int]) -> None:
        """Keep some rows alone, and the columns that they need."""
        width = max(lengths)
        # A stable sort of the mask moves the columns of a row to the right, in order.
        order = self.mask.argsort(dim=1, stable=True)[:, -width:]
        layers = []
        for layer in key_values(self.cache):
            chosen = [
                part[rows].gather(2, order[:, None, :, None].expand(-1, part.shape[1], -1, part.shape[3])) for part in layer
            ]
            layers.append((chosen[0], chosen[1]))
        self.cache = to_cache(tuple(layers))
        start = width - torch.tensor(lengths, device=self.mask.device)
        self.mask = (torch.arange(width, device=self.mask.device) >= start[:, None]).long()
