"""Batched greedy decoding under constraints.

A batch is ragged: rows feed different numbers of pieces, because pieces without an alternative are not sampled but fed
together with the next decision, and proposed pieces are read before they are agreed with. What a row does not have is masked,
so neither batching nor padding nor a proposal changes a result.
"""

import math
import sys
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional, Sequence

import numpy as np
import torch
from transformers import DynamicCache

from ..decoding.draft import Draft
from ..decoding.walker import Walker
from .chat import Prompt
from .head import Head, Read

KeyValues = tuple[tuple[torch.Tensor, torch.Tensor], ...]
# Columns of a cache that no row needs, from which on it is packed.
SLACK = 32
# Pieces that are proposed at a time: at first, and at least.
FIRST, FEWEST = 32, 4


@dataclass
class Row:
    """One sequence on its way.

    index (int): Which of the prompts it answers.
    walker (Walker): What it may write.
    draft (Optional[Draft]): What it is proposed to write.
    length (int): Number of pieces in the cache.
    feed (list[int]): Pieces that the model has not read yet.
    proposed (list[int]): Pieces behind them that are not written yet.
    trust (int): How many pieces to propose: more after a proposal that was right, fewer after one that was not.
    """

    index: int
    walker: Walker
    draft: Optional[Draft]
    length: int
    feed: list[int]
    proposed: list[int] = field(default_factory=list)
    trust: int = FIRST

    def propose(self, most: int, room: int) -> None:
        """Look what the draft proposes.

        most (int): Number of pieces from which on no more are proposed.
        room (int): Number of pieces that the model can read in all.
        """
        if self.draft is not None:
            proposed = self.walker.propose(self.draft, min(self.trust, most))
            self.proposed = proposed[: max(0, room - self.length - len(self.feed))]

    def write(self, read: Read, number: int) -> None:
        """Write what was proposed as far as the model agrees, the likeliest piece behind it, and all after that without an
        alternative.

        read (Read): What the model says.
        number (int): Which of its rows is this one.
        """
        agreed, self.length, self.feed = 0, self.length + len(self.feed), []
        while not self.walker.done and not self.feed:
            piece = self._step(read, number, agreed - len(self.proposed) - 1)
            if self.proposed[agreed : agreed + 1] == [piece]:
                agreed += 1
            else:
                self.feed = [piece]
        self.length += agreed
        if self.proposed:
            self.trust = 2 * self.trust if agreed == len(self.proposed) else max(FEWEST, self.trust // 2)
        self.write_forced()

    def write_forced(self) -> None:
        """Write as long as there is no alternative."""
        while not self.walker.done:
            allowed = self.walker.allowed()
            if allowed is None or len(allowed) > 1:
                return
            self.walker.step(allowed[0], 0.0)
            self.feed.append(allowed[0])

    def _step(self, read: Read, number: int, column: int) -> int:
        """Write the likeliest piece by what the model says at a column. RETURNS (int): The piece."""
        allowed = self.walker.allowed()
        if allowed is not None and len(allowed) == 1:
            self.walker.step(allowed[0], 0.0)
            return allowed[0]
        scores = read.scores(number, column, allowed).astype(np.float64)
        best = int(scores.argmax())
        piece = best if allowed is None else allowed[best]
        self.walker.step(piece, -math.log(np.exp(scores - scores[best]).sum()))
        return piece


@dataclass
class Batch:
    """All that changes while rows are decoded together.

    head (Head): Reads and scores.
    rows (list[Row]): Those that go on.
    cache (DynamicCache): Keys and values. Shape of each: (rows, heads, columns, head size).
    mask (torch.Tensor): Which columns of the cache are pieces of a row. Shape: (rows, columns).
    slack (int): Columns that no row needs, from which on the cache is packed.
    """

    head: Head
    rows: list[Row]
    cache: DynamicCache
    mask: torch.Tensor
    slack: int

    @classmethod
    def start(cls, head: Head, shared: KeyValues, rows: list[Row], slack: int) -> "Batch":
        """Rows behind the same head of a prompt, whose keys and values every row shares."""
        wide = tuple((k.expand(len(rows), -1, -1, -1), v.expand(len(rows), -1, -1, -1)) for k, v in shared)
        columns = shared[0][0].shape[-2]
        mask = torch.ones(len(rows), columns, dtype=torch.long, device=shared[0][0].device)
        return cls(head, rows, DynamicCache.from_legacy_cache(wide), mask, slack)

    def read(self) -> Read:
        """Let the model read what the rows feed, and what they are proposed."""
        fed = [[*row.feed, *row.proposed] for row in self.rows]
        width = max(map(len, fed))
        # Padded on the left, so that the last column is the last piece of every row.
        ids, seen, places = (np.zeros((len(self.rows), width), dtype=np.int64) for _ in range(3))
        for i, (row, pieces) in enumerate(zip(self.rows, fed)):
            start = width - len(pieces)
            ids[i, start:], seen[i, start:] = pieces, 1
            places[i, start:] = np.arange(row.length, row.length + len(pieces))
        device = self.mask.device
        self.mask = torch.cat([self.mask, torch.from_numpy(seen).to(device)], dim=1)
        return self.head.read(
            1 + max(len(row.proposed) for row in self.rows),
            any(row.walker.allowed() is None for row in self.rows),
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self.mask,
            position_ids=torch.from_numpy(places).to(device),
            past_key_values=self.cache,
            use_cache=True,
        )

    def write(self, read: Read) -> None:
        """Let every row write. Those that have ended leave, and what was proposed in vain is masked."""
        columns = self.mask.shape[1]
        for i, row in enumerate(self.rows):
            before = row.length + len(row.feed) + len(row.proposed)
            row.write(read, i)
            # What the row feeds next is written, but not in the cache yet.
            self.mask[i, columns - (before - row.length) :] = 0
        staying = [i for i, row in enumerate(self.rows) if not row.walker.done]
        if staying and (len(staying) < len(self.rows) or columns - max(row.length for row in self.rows) > self.slack):
            self._pack(staying)
        self.rows = [self.rows[i] for i in staying]

    def _pack(self, staying: list[int]) -> None:
        """Keep some rows alone, and the columns that they need."""
        device = self.mask.device
        lengths = torch.tensor([self.rows[i].length for i in staying], device=device)
        rows = torch.tensor(staying, device=device)
        width = int(lengths.max())
        # A stable sort of the mask moves the columns of a row to the right, in order.
        order = self.mask[rows].argsort(dim=1, stable=True)[:, -width:]
        layers = []
        for layer in self.cache.to_legacy_cache():
            chosen = [
                part[rows].gather(2, order[:, None, :, None].expand(-1, part.shape[1], -1, part.shape[3])) for part in layer
            ]
            layers.append((chosen[0], chosen[1]))
        self.cache = DynamicCache.from_legacy_cache(tuple(layers))
        self.mask = (torch.arange(width, device=device) >= width - lengths[:, None]).long()


@dataclass
class Decoder:
    """Writes the answers to any number of prompts.

    model (Any): A causal language model of transformers, in evaluation mode.
    batch_pieces (int): Most pieces of prompts and proposals, padding included, that are read at a time.
    draft_pieces (int): Most pieces that are proposed at a time.
    heads (dict): Keys and values of heads of prompts that were read before.
    """

    model: Any
    batch_pieces: int = 8192
    draft_pieces: int = 64
    heads: dict[tuple[int, ...], KeyValues] = field(default_factory=dict)

    @torch.inference_mode()
    def __post_init__(self) -> None:
        self.head = Head(self.model)

    @torch.inference_mode()
    def decode(
        self, prompts: Sequence[Prompt], walkers: Sequence[Walker], drafts: Optional[Sequence[Optional[Draft]]] = None
    ) -> None:
        """Let walkers write their answers.

        prompts (Sequence[Prompt]): Any number, in any order.
        walkers (Sequence[Walker]): One for each; they hold the answers afterwards.
        drafts (Optional[Sequence[Optional[Draft]]]): What each is proposed; the answers are the same without.
        """
        rows = [
            Row(i, walker, draft, len(prompt.head), list(prompt.body))
            for i, (prompt, walker, draft) in enumerate(zip(prompts, walkers, drafts or [None] * len(prompts)))
        ]
        config = self.model.config
        room = getattr(config, "max_position_embeddings", None) or sys.maxsize
        for row in rows:
            row.write_forced()
            row.propose(self.draft_pieces, room)
        # A sliding window of attention is counted in columns, padding included, so such models read one prompt at a time.
        alone = bool(getattr(config, "sliding_window", None))
        for chunk in self._chunks([row for row in rows if not row.walker.done], prompts, alone):
            batch = Batch.start(self.head, self._shared(prompts[chunk[0].index].head), chunk, 0 if alone else SLACK)
            while batch.rows:
                batch.write(batch.read())
                for row in batch.rows:
                    row.propose(self.draft_pieces, room)

    def _chunks(self, rows: Sequence[Row], prompts: Sequence[Prompt], alone: bool) -> Iterator[list[Row]]:
        """Rows of one head and of like length together, the longest first."""

        def length(row: Row) -> int:
            return len(row.feed) + len(row.proposed)

        chunk: list[Row] = []
        for row in sorted(rows, key=lambda row: (prompts[row.index].head, -length(row))):
            if chunk and (
                alone
                or prompts[row.index].head != prompts[chunk[0].index].head
                or (len(chunk) + 1) * length(chunk[0]) > self.batch_pieces
            ):
                yield chunk
                chunk = []
            chunk.append(row)
        if chunk:
            yield chunk

    def _shared(self, head: tuple[int, ...]) -> KeyValues:
        """Keys and values of the head of a prompt, computed once."""
        found = self.heads.get(head)
        if found is None:
            if len(self.heads) > 16:
                self.heads.clear()
            cache = DynamicCache()
            self.head.read(
                1, False, input_ids=torch.tensor([head], device=self.model.device), past_key_values=cache, use_cache=True
            )
            found = self.heads[head] = cache.to_legacy_cache()
        return found
