"""Batched greedy decoding under constraints.

A batch is ragged: rows feed different numbers of pieces, because pieces without an alternative are not sampled but fed
together with the next decision, and proposed pieces are read before they are agreed with. Neither batching nor a proposal changes
a result.
"""

import math
import sys
from dataclasses import dataclass, field
from typing import Any, Iterator, Optional, Sequence

import numpy as np
import torch

from ..decoding.draft import Draft
from ..decoding.walker import Walker
from .chat import Prompt
from .head import Head, Read
from .packed import PackedReader, pack
from .padded import SLACK, PaddedReader
from .reading import Fed, KeyValues, Reader, read_head

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

    def fed(self) -> Fed:
        """What the model reads next."""
        return Fed([*self.feed, *self.proposed], self.length, 1 + len(self.proposed))

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
        self.packed = pack(self.head)
        self.spare: list[torch.Tensor] = []

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
        for row in rows:
            row.write_forced()
            row.propose(self.draft_pieces, self._room)
        for chunk in self._chunks([row for row in rows if not row.walker.done], prompts):
            self._decode_together(chunk, prompts[chunk[0].index].head)

    def _decode_together(self, rows: list[Row], head: tuple[int, ...]) -> None:
        """Decode rows whose prompts have the same head."""
        reader = self._reader()
        reader.begin(self._shared(head), len(rows))
        while rows:
            read = reader.read([row.fed() for row in rows], any(row.walker.allowed() is None for row in rows))
            for number, row in enumerate(rows):
                row.write(read, number)
            staying = [number for number, row in enumerate(rows) if not row.walker.done]
            rows = [rows[number] for number in reader.keep(staying)]
            for row in rows:
                row.propose(self.draft_pieces, self._room)

    def _reader(self) -> Reader:
        if self.packed is None:
            return PaddedReader(self.head, 0 if self.alone else SLACK)
        return PackedReader(self.packed, self.spare)

    @property
    def alone(self) -> bool:
        """Whether no two rows can be read together: a sliding window of attention is counted in columns, padding included."""
        return self.packed is None and bool(getattr(self.model.config, "sliding_window", None))

    @property
    def reads(self) -> Any:
        """The model that reads what is behind the heads of prompts."""
        return self.model if self.packed is None else self.packed.model

    @property
    def _room(self) -> int:
        """Number of pieces that the model can read."""
        return getattr(self.model.config, "max_position_embeddings", None) or sys.maxsize

    def _chunks(self, rows: Sequence[Row], prompts: Sequence[Prompt]) -> Iterator[list[Row]]:
        """Rows of one head and of like length together, the longest first."""

        def length(row: Row) -> int:
            return len(row.feed) + len(row.proposed)

        chunk: list[Row] = []
        for row in sorted(rows, key=lambda row: (prompts[row.index].head, -length(row))):
            if chunk and (
                self.alone
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
            found = self.heads[head] = read_head(self.head, head)
        return found
