"""Sequences of different lengths read without padding: the pieces of all stand behind each other, as in one long text.

Everything but attention looks at one piece at a time, so it costs what the pieces cost and no more. Attention is ours: it keeps
keys and values in one store (`kv_store`), and attends in blocks of sequences that are alike (`packed_attention`).
"""

from contextlib import suppress
from typing import Optional, Sequence

import numpy as np
import torch

from .attention_backend import attention
from .batch_reader import StepInput
from .kv_cache import KeyValues
from .kv_store import KVStore
from .lm_head import LMHead, StepLogits
from .packed_attention import AttentionBlock, make_blocks

# Bytes of a store from which on it is not kept for the next batch.
KEPT = 2**30


class PackedReader:
    """A `BatchReader` by a model whose attention is ours.

    lm_head (LMHead): Of that model, which `twin_with_our_attention` makes.
    spare (list[torch.Tensor]): Where the memory of a store is left for the next reader.
    """

    def __init__(self, lm_head: LMHead, spare: list[torch.Tensor]) -> None:
        self.lm_head = lm_head
        self.spare = spare
        self.store = KVStore()
        # Another thread may take it between a look and a grasp.
        with suppress(IndexError):
            self.store = KVStore(spare.pop())
        self.blocks: list[AttentionBlock] = []
        # Sliding windows that the model has asked for.
        self.windows: set[Optional[int]] = set()

    def enter(self, prefixes: Sequence[KeyValues]) -> None:
        self.store.enter(prefixes)

    def read(self, steps: Sequence[StepInput], whole: bool) -> StepLogits:
        device = self.store.tensor.device
        self.blocks = make_blocks(steps, device)
        self.store.set_lengths([step.length + len(step.pieces) for step in steps])
        ends = np.cumsum([len(step.pieces) for step in steps])
        kept = np.concatenate([np.arange(end - step.keep, end) for end, step in zip(ends, steps)])
        # What is behind the last piece is read in vain, so that there are few sizes.
        behind = round_up(int(ends[-1]), self.store.tensor) - int(ends[-1])
        ids = torch.tensor([[piece for step in steps for piece in step.pieces] + [0] * behind], device=device)
        positions = torch.cat([*(block.positions for block in self.blocks), ids.new_zeros(behind)])
        with attention(self.attend):
            read = self.lm_head.forward(
                torch.from_numpy(kept).to(device),
                whole,
                input_ids=ids,
                # Not looked at, but without one older versions of transformers make one of all pieces by all pieces.
                attention_mask=ids.new_ones(1, 1, 1, 1),
                position_ids=positions[None],
            )
        return read._replace(values=np.split(read.values[0], np.cumsum([step.keep for step in steps])[:-1]))

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        return self.store.keep(staying)

    def close(self) -> None:
        """Leave the memory for the next reader; see `BatchReader`."""
        if self.store.tensor.nbytes <= KEPT:
            self.spare[:] = [self.store.tensor]

    def attend(
        self,
        layer: int,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        scaling: Optional[float],
        window: Optional[int],
    ) -> torch.Tensor:
        """Attention of one layer. Shapes: (1, heads, pieces, head size) -> (1, pieces, heads, head size)."""
        self.windows.add(window)
        queries, keys, values = (part[0].transpose(0, 1) for part in (query, key, value))
        found = [block.attend(queries, keys, values, self.store.tensor[layer], scaling, window) for block in self.blocks]
        behind = queries[self.blocks[-1].pieces.stop :]
        return torch.cat([*found, behind])[None]


def round_up(count: int, like: torch.Tensor) -> int:
    """Round a number of pieces up, by at most a sixteenth, where few different numbers are better than many.

    For products of bf16 on a processor torch keeps a program for each size that was ever asked for, hundreds of kilobytes each.

    like (torch.Tensor): Of what the model computes with.
    """
    step = 1 << max(0, count.bit_length() - 5) if like.dtype == torch.bfloat16 and like.device.type == "cpu" else 1
    return -(-count // step) * step
