"""Reading rows of different lengths without padding: the pieces of all rows stand behind each other, as in one long text.

Everything but attention looks at one piece at a time, so it costs what the pieces cost and no more. Attention is ours: it keeps
the keys and values of each row at their places in one store, where new ones are put without a copy of the old ones, and what is
forgotten is simply written over. The models of transformers take another attention by its name.
"""

from contextlib import suppress
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, Optional, Sequence

import numpy as np
import torch
from torch.nn import functional
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from .head import Head, Read
from .reading import Fed, KeyValues, read_head

NAME = "spacy_slm_ner_packed"
# The places of a store grow by this factor.
GROWTH = 2
# Bytes of a store from which on it is not kept for the next batch.
KEPT = 2**28


class CannotPack(Exception):
    """The attention of a model does more than ours."""


class Packing:
    """Where the pieces of a batch stand.

    fed (Sequence[Fed]): The rows.
    """

    def __init__(self, fed: Sequence[Fed], device: torch.device) -> None:
        counts = np.array([len(row.pieces) for row in fed])
        rows = np.repeat(np.arange(len(fed)), counts)
        columns = np.concatenate([np.arange(count) for count in counts])
        places = np.array([row.length for row in fed])[rows] + columns
        self.shape = len(fed), int(counts.max())
        self.width = int(places.max()) + 1
        # A query that is not there sees the first piece, so that nothing is divided by zero.
        padded = np.zeros(self.shape, dtype=np.int64)
        padded[rows, columns] = places
        self.rows, self.columns, self.places = (torch.from_numpy(part).to(device) for part in (rows, columns, places))
        self._seen_to = torch.from_numpy(padded).to(device)
        self._masks: dict[tuple[Optional[int], int], torch.Tensor] = {}

    def mask(self, window: Optional[int], shared: int) -> torch.Tensor:
        """What each query sees: all pieces up to itself, or the last ones of a window.

        shared (int): How often the queries stand behind each other.
        RETURNS (torch.Tensor): Shape: (rows, 1, shared * queries, places).
        """
        mask = self._masks.get((window, shared))
        if mask is None:
            distance = self._seen_to[:, None, :, None] - torch.arange(self.width, device=self._seen_to.device)
            mask = distance >= 0 if window is None else (distance >= 0) & (distance < window)
            mask = self._masks[window, shared] = mask.repeat(1, 1, shared, 1)
        return mask


class PackedReader:
    """A `Reader` by a model that `pack` has prepared.

    head (Head): Of that model.
    spare (list[torch.Tensor]): Where a store is left for the next reader.
    """

    def __init__(self, head: Head, spare: list[torch.Tensor]) -> None:
        self.head = head
        self.spare = spare
        self.packing: Optional[Packing] = None
        # Shape: (layers, 2, rows, places, heads, head size)
        self.store = torch.empty(0, 2, 0, 0, 0, 0)
        # Another thread may take it between a look and a grasp.
        with suppress(IndexError):
            self.store = spare.pop()
        self.windows: set[Optional[int]] = set()

    def begin(self, shared: KeyValues, rows: int) -> None:
        first = shared[0][0]
        _, heads, length, size = first.shape
        if rows > self.store.shape[2] or length > self.store.shape[3]:
            # Zeros, as what is masked counts nothing, but must be a number.
            self.store = torch.zeros(len(shared), 2, rows, length, heads, size, dtype=first.dtype, device=first.device)
        for layer, pair in enumerate(shared):
            for i, part in enumerate(pair):
                self.store[layer, i, :rows, :length] = part.transpose(1, 2)

    def read(self, fed: Sequence[Fed], whole: bool) -> Read:
        device = self.store.device
        self.packing = Packing(fed, device)
        self._make_room(self.packing.width)
        ends = np.cumsum([len(row.pieces) for row in fed])
        kept = np.concatenate([np.arange(end - row.keep, end) for end, row in zip(ends, fed)])
        ids = torch.tensor([[piece for row in fed for piece in row.pieces]], device=device)
        token = READER.set(self)
        try:
            read = self.head.read(
                torch.from_numpy(kept).to(device),
                whole,
                input_ids=ids,
                # Not looked at, but without one older versions of transformers make one of all pieces by all pieces.
                attention_mask=ids.new_ones(1, 1, 1, 1),
                position_ids=self.packing.places[None],
                use_cache=False,
            )
        finally:
            READER.reset(token)
        return Read(np.split(read.values[0], np.cumsum([row.keep for row in fed])[:-1]), read.head)

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        """The last rows take the places of those that have ended."""
        count = len(staying)
        if not count and self.store.nbytes <= KEPT:
            self.spare[:] = [self.store]
        holes = sorted(set(range(count)) - set(staying))
        movers = [row for row in staying if row >= count]
        if holes:
            self.store[:, :, holes] = self.store[:, :, movers]
        moved = dict(zip(holes, movers))
        return [moved.get(row, row) for row in range(count)]

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
        packing = self.packing
        assert packing is not None
        self.windows.add(window)
        rows, columns, width = *packing.shape, packing.width
        keys, values = self.store[layer]
        keys[packing.rows, packing.places] = key[0].transpose(0, 1)
        values[packing.rows, packing.places] = value[0].transpose(0, 1)
        _, heads, pieces, size = query.shape
        shared = heads // keys.shape[2]
        # Heads that share their keys stand behind each other, as if they were more queries of one head. What is not a query gives
        # an answer that nobody asks for.
        padded = query.new_empty(rows, heads // shared, shared, columns, size)
        padded[packing.rows, :, :, packing.columns] = query[0].transpose(0, 1).view(pieces, -1, shared, size)
        found = functional.scaled_dot_product_attention(
            padded.view(rows, -1, shared * columns, size),
            keys[:rows, :width].transpose(1, 2),
            values[:rows, :width].transpose(1, 2),
            attn_mask=packing.mask(window, shared),
            scale=scaling,
        )
        chosen = found.view(padded.shape)[packing.rows, :, :, packing.columns]
        return chosen.reshape(1, pieces, heads, size)

    def _make_room(self, width: int) -> None:
        layers, two, rows, places, *rest = self.store.shape
        if width > places:
            grown = self.store.new_zeros(layers, two, rows, GROWTH * width, *rest)
            grown[:, :, :, :places] = self.store
            self.store = grown


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
        reader.begin(read_head(head, [0]), 2)
        reader.read([Fed([1, 0], 1, 1), Fed([0], 1, 1)], False)
        found = reader.read([Fed([1], 3, 1), Fed([1, 1], 2, 2)], False).values
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
