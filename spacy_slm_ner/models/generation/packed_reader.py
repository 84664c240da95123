"""Reading rows of different lengths without padding: the pieces of all rows stand behind each other, as in one long text.

Everything but attention looks at one piece at a time, so it costs what the pieces cost and no more. Attention is ours: it keeps
the keys and values of each row at their places in one store, where new ones are put without a copy of the old ones, and what is
forgotten is simply written over. The models of transformers take another attention by its name.
"""

from contextlib import suppress
from contextvars import ContextVar
from copy import deepcopy
from itertools import groupby
from typing import Any, Optional, Sequence

import numpy as np
import torch
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .batch_reader import KeyValues, StepInput, read_prefix
from .lm_head import Head, Read
from .packed_attention import Block, make_blocks

NAME = "spacy_slm_ner_packed"
# The places of a store grow by this factor.
GROWTH = 2
# Bytes of a store from which on it is not kept for the next batch.
KEPT = 2**28


class CannotPack(Exception):
    """The attention of a model does more than ours."""


class PackedReader:
    """A `BatchReader` by a model that `pack` has prepared.

    head (Head): Of that model.
    spare (list[torch.Tensor]): Where a store is left for the next reader.
    """

    def __init__(self, head: Head, spare: list[torch.Tensor]) -> None:
        self.head = head
        self.spare = spare
        # Number of places that each row has come to.
        self.reach: list[int] = []
        self.blocks: list[Block] = []
        # Shape: (layers, 2, rows, places, heads, head size)
        self.store = torch.empty(0, 2, 0, 0, 0, 0)
        # Another thread may take it between a look and a grasp.
        with suppress(IndexError):
            self.store = spare.pop()
        self.windows: set[Optional[int]] = set()

    def enter(self, known: Sequence[KeyValues]) -> None:
        first = known[0][0][0]
        if not len(self.store):
            self.store = first.new_empty(len(known[0]), 2, 0, 0, first.shape[1], first.shape[3])
        start = len(self.reach)
        self.reach += [layers[0][0].shape[2] for layers in known]
        self._make_room(start)
        for _, group in groupby(known, key=id):
            same = list(group)
            rows = slice(start, start + len(same))
            for layer, pair in enumerate(same[0]):
                for i, part in enumerate(pair):
                    self.store[layer, i, rows, : part.shape[2]] = part.transpose(1, 2)
            start = rows.stop

    def read(self, fed: Sequence[StepInput], whole: bool) -> Read:
        device = self.store.device
        self.blocks = make_blocks(fed, device)
        self.reach = [row.length + len(row.pieces) for row in fed]
        self._make_room(len(fed))
        ends = np.cumsum([len(row.pieces) for row in fed])
        kept = np.concatenate([np.arange(end - row.keep, end) for end, row in zip(ends, fed)])
        # What is behind the last piece is read in vain, so that there are few sizes.
        behind = few_sizes(int(ends[-1]), self.store) - int(ends[-1])
        ids = torch.tensor([[piece for row in fed for piece in row.pieces] + [0] * behind], device=device)
        places = torch.cat([*(block.places for block in self.blocks), ids.new_zeros(behind)])
        token = READER.set(self)
        try:
            read = self.head.read(
                torch.from_numpy(kept).to(device),
                whole,
                input_ids=ids,
                # Not looked at, but without one older versions of transformers make one of all pieces by all pieces.
                attention_mask=ids.new_ones(1, 1, 1, 1),
                position_ids=places[None],
                use_cache=False,
            )
        finally:
            READER.reset(token)
        return Read(np.split(read.values[0], np.cumsum([row.keep for row in fed])[:-1]), read.head)

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        """The last rows take the places of those that have ended."""
        count = len(staying)
        holes = sorted(set(range(count)) - set(staying))
        movers = [row for row in staying if row >= count]
        moved = dict(zip(holes, movers))
        order = [moved.get(row, row) for row in range(count)]
        self.reach = [self.reach[row] for row in order]
        if holes:
            used = self.store[:, :, :, : max(self.reach)]
            used[:, :, holes] = used[:, :, movers]
        return order

    def close(self) -> None:
        """See `BatchReader`; the store is left for the next one."""
        if self.store.nbytes <= KEPT:
            self.spare[:] = [self.store]

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
        found = [block.attend(queries, keys, values, self.store[layer], scaling, window) for block in self.blocks]
        behind = queries[self.blocks[-1].pieces.stop :]
        return torch.cat([*found, behind])[None]

    def _make_room(self, held: int) -> None:
        """Let the store hold all rows, as far as they have come.

        held (int): How many of them it holds already.
        """
        layers, two, rows, places, *rest = self.store.shape
        wanted, width = len(self.reach), max(self.reach)
        if wanted > rows or width > places:
            size = max(wanted, rows * 5 // 4) if wanted > rows else min(rows, 2 * wanted)
            # Zeros, as what is masked counts nothing, but must be a number. It is made as wide as it must be now: where rows are
            # more, texts are shorter.
            grown = self.store.new_zeros(layers, two, size, GROWTH * width, *rest)
            kept = min(places, width)
            grown[:, :, :held, :kept] = self.store[:, :, :held, :kept]
            self.store = grown


def few_sizes(count: int, like: torch.Tensor) -> int:
    """The number of pieces to read at a time, where some are wanted: at most a sixteenth more.

    For products of bf16 on a processor torch keeps a program for each size that was ever asked for, hundreds of kilobytes each.

    like (torch.Tensor): Of what the model computes with.
    """
    step = 1 << max(0, count.bit_length() - 5) if like.dtype == torch.bfloat16 and like.device.type == "cpu" else 1
    return -(-count // step) * step


# Which reader attends: threads may read with the same model at the same time.
READER: ContextVar[PackedReader] = ContextVar("READER")


def packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Optional[torch.Tensor],
    scaling: Optional[float] = None,
    sliding_window: Optional[int] = None,
    softcap: Optional[float] = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it. RAISES (CannotPack): If more is asked than ours does."""
    if softcap is not None or others.get("s_aux") is not None:
        raise CannotPack
    return READER.get().attend(module.layer_idx, query, key, value, scaling, sliding_window), None


ALL_ATTENTION_FUNCTIONS[NAME] = packed_attention


def pack(head: Head) -> Optional[Head]:
    """Prepare a model for a `PackedReader`, which takes the place of its attention, and keeps keys and values and nothing else.
    Whether that is enough is tried.

    head (Head): Of the model.
    RETURNS (Optional[Head]): Of a twin with the same weights that attends by the reader; None if that would change results.
    """
    model = head.model
    if not getattr(model, "_supports_attention_backend", False) or getattr(model.config, "attention_chunk_size", None):
        return None
    twin = deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}).eval()
    twin.config._attn_implementation = NAME
    packed = Head(twin, head.plain)
    return packed if agree(head, packed) else None


def agree(head: Head, packed: Head) -> bool:
    """Whether a twin says of packed rows what the model itself says of each alone."""
    reader = PackedReader(packed, [])
    try:
        reader.enter([read_prefix(head, [0])] * 2)
        reader.read([StepInput([1, 0], 1, 1), StepInput([0], 1, 1)], False)
        found = reader.read([StepInput([1], 3, 1), StepInput([1, 1], 2, 2)], False).values
    except (CannotPack, RuntimeError):
        return False
    for row, states in zip(([0, 1, 0, 1], [0, 0, 1, 1]), found):
        ids = torch.tensor([row], device=head.model.device)
        expected = head.read(1, False, input_ids=ids, use_cache=False).values[0, -1]
        if np.abs(states[-1] - expected).max() > (1e-3 if head.model.dtype == torch.float32 else 0.05) * np.abs(expected).max():
            return False
    # A window that only the model's own mask knows would be lost in a long text.
    config = head.model.config
    window = getattr(config, "sliding_window", None)
    return window is None or not getattr(config, "use_sliding_window", True) or window in reader.windows
