"""Batched greedy decoding under constraints.

A batch is ragged: rows feed different numbers of pieces, because pieces without an alternative are not sampled but fed
together with the next decision, and proposed pieces are read before they are agreed with. A row whose answer has ended leaves,
and another enters. Neither batching nor a proposal changes a result.
"""

import math
import sys
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Optional, Sequence

import numpy as np
import torch

from ...constraints.draft import Draft
from ...constraints.guide import Guide
from ..pretrained.chat_tokenizer import Prompt
from .batch_reader import BatchReader, KeyValues, StepInput, read_prefix
from .lm_head import Head, Read
from .packed_reader import PackedReader, pack
from .padded_reader import SLACK, PaddedReader

# Pieces that are proposed at a time: at first, and at least.
FIRST, FEWEST = 32, 4


@dataclass
class Row:
    """One sequence on its way.

    known (KeyValues): Keys and values of the first pieces of its prompt, which it shares.
    guide (Guide): What it may write.
    draft (Optional[Draft]): What it is proposed to write.
    length (int): Number of pieces in the cache.
    feed (list[int]): Pieces that the model has not read yet.
    proposed (list[int]): Pieces behind them that are not written yet.
    trust (int): How many pieces to propose: more after a proposal that was right, fewer after one that was not.
    """

    known: KeyValues
    guide: Guide
    draft: Optional[Draft]
    length: int
    feed: list[int]
    proposed: list[int] = field(default_factory=list)
    trust: int = FIRST

    @property
    def size(self) -> int:
        """Number of pieces of its own: the rest of its prompt, its answer so far, and what is proposed."""
        return self.length - self.known[0][0].shape[2] + len(self.feed) + len(self.proposed)

    def fed(self) -> StepInput:
        """What the model reads next."""
        return StepInput([*self.feed, *self.proposed], self.length, 1 + len(self.proposed))

    def propose(self, most: int, room: int) -> None:
        """Look what the draft proposes.

        most (int): Number of pieces from which on no more are proposed.
        room (int): Number of pieces that the model can read in all.
        """
        if self.draft is not None:
            proposed = self.guide.propose(self.draft, min(self.trust, most))
            self.proposed = proposed[: max(0, room - self.length - len(self.feed))]

    def write(self, read: Read, number: int) -> None:
        """Write what was proposed as far as the model agrees, the likeliest piece behind it, and all after that without an
        alternative.

        read (Read): What the model says.
        number (int): Which of its rows is this one.
        """
        agreed, self.length, self.feed = 0, self.length + len(self.feed), []
        while not self.guide.done and not self.feed:
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
        while not self.guide.done:
            allowed = self.guide.allowed()
            if allowed is None or len(allowed) > 1:
                return
            self.guide.step(allowed[0], 0.0)
            self.feed.append(allowed[0])

    def _step(self, read: Read, number: int, column: int) -> int:
        """Write the likeliest piece by what the model says at a column. RETURNS (int): The piece."""
        allowed = self.guide.allowed()
        if allowed is not None and len(allowed) == 1:
            self.guide.step(allowed[0], 0.0)
            return allowed[0]
        scores = read.scores(number, column, allowed).astype(np.float64)
        best = int(scores.argmax())
        piece = best if allowed is None else allowed[best]
        self.guide.step(piece, -math.log(np.exp(scores - scores[best]).sum()))
        return piece


@dataclass
class Decoder:
    """Writes the answers to any number of prompts.

    model (Any): A causal language model of transformers, in evaluation mode.
    batch_pieces (int): Most pieces of prompts, answers and proposals, padding included, up to which another text enters.
    draft_pieces (int): Most pieces that are proposed at a time.
    heads (dict): Keys and values of what prompts share, and was read before.
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
        self, prompts: Sequence[Prompt], guides: Sequence[Guide], drafts: Optional[Sequence[Optional[Draft]]] = None
    ) -> None:
        """Let guides write their answers.

        prompts (Sequence[Prompt]): Any number, in any order.
        guides (Sequence[Guide]): One for each; they hold the answers afterwards.
        drafts (Optional[Sequence[Optional[Draft]]]): What each is proposed; the answers are the same without.
        """
        shared = shared_prefixes([prompt.head for prompt in prompts])
        known = {pieces: self._read_before(pieces) for pieces in dict.fromkeys(shared)}
        rows = [
            Row(known[pieces], guide, draft, len(pieces), [*prompt.head[len(pieces) :], *prompt.body])
            for prompt, pieces, guide, draft in zip(prompts, shared, guides, drafts or [None] * len(prompts))
        ]
        for row in rows:
            row.write_forced()
            row.propose(self.draft_pieces, self._room)
        # The longest first, as those that follow never need more room.
        waiting = sorted((row for row in rows if not row.guide.done), key=lambda row: -row.size)
        with closing(self._reader()) as reader:
            self._write(deque(waiting), reader)

    def _write(self, waiting: deque[Row], reader: BatchReader) -> None:
        """Let rows write to their end, as many at a time as there is room for."""
        rows: list[Row] = []
        while waiting or rows:
            entering = self._take(waiting, rows)
            if entering:
                reader.enter([row.known for row in entering])
                rows += entering
            read = reader.read([row.fed() for row in rows], any(row.guide.allowed() is None for row in rows))
            for number, row in enumerate(rows):
                row.write(read, number)
            staying = [number for number, row in enumerate(rows) if not row.guide.done]
            rows = [rows[number] for number in reader.keep(staying)]
            for row in rows:
                row.propose(self.draft_pieces, self._room)

    def _take(self, waiting: deque[Row], rows: Sequence[Row]) -> list[Row]:
        """Take from those that wait as many as find room beside those that are read.

        What rows remember is as wide as the longest needs, so room is counted as if all were as long. A model that cannot be
        packed would read as many pieces of every row as the new ones have, so none enters while it reads.
        """
        entering: list[Row] = []
        if rows and self.packed is None:
            return entering
        longest = max((row.size for row in rows), default=0)
        while waiting:
            longest = max(longest, waiting[0].size)
            count = len(rows) + len(entering) + 1
            if count > 1 and (self.alone or count * longest > self.batch_pieces):
                break
            entering.append(waiting.popleft())
        return entering

    def _reader(self) -> BatchReader:
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

    def _read_before(self, known: tuple[int, ...]) -> KeyValues:
        """Keys and values of what prompts share, computed once."""
        found = self.heads.get(known)
        if found is None:
            if len(self.heads) > 16:
                self.heads.clear()
            found = self.heads[known] = read_prefix(self.head, known)
        return found


def shared_prefixes(heads: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """What of the heads of prompts is read once and remembered.

    heads (Sequence[tuple[int, ...]]): Of prompts that are read together.
    RETURNS (list[tuple[int, ...]]): The first pieces of each, at least one: the whole head if others have it as well; of the
        remaining heads what they have in common, which is the whole of a single one.
    """
    counts = Counter(heads)
    single = [head for head, count in counts.items() if count == 1]
    common = len(list(takewhile(lambda pieces: len(set(pieces)) == 1, zip(*single))))
    return [head if counts[head] > 1 else head[: common or 1] for head in heads]
