"""Batched greedy decoding under constraints.

A batch is ragged: rows feed different numbers of pieces, because pieces without an alternative are not sampled but fed
together with the next decision. What a row does not have is masked, so neither batching nor padding changes a result.
"""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from ..decoding.walker import Walker
from .chat import Prompt

KeyValues = tuple[tuple[torch.Tensor, torch.Tensor], ...]


@dataclass
class Row:
    """One sequence on its way.

    index (int): Which of the prompts it answers.
    walker (Walker): What it may write.
    length (int): Number of pieces in the cache.
    feed (list[int]): Pieces that the model has not read yet.
    """

    index: int
    walker: Walker
    length: int
    feed: list[int]

    def write(self, logits: NDArray[np.float32]) -> None:
        """Write the likeliest piece, and all after it that have no alternative.

        logits (NDArray[np.float32]): Shape: (vocabulary,).
        """
        allowed = self.walker.allowed()
        scores = (logits if allowed is None else logits[np.asarray(allowed)]).astype(np.float64)
        best = int(scores.argmax())
        logprob = -math.log(np.exp(scores - scores[best]).sum())
        self.feed = []
        self._step(best if allowed is None else allowed[best], logprob)
        self.write_forced()

    def write_forced(self) -> None:
        """Write as long as there is no alternative."""
        while not self.walker.done:
            allowed = self.walker.allowed()
            if allowed is None or len(allowed) > 1:
                return
            self._step(allowed[0], 0.0)

    def _step(self, piece: int, logprob: float) -> None:
        self.walker.step(piece, logprob)
        self.feed.append(piece)


@dataclass
class Batch:
    """All that changes while rows are decoded together.

    model (Any): A causal language model of transformers.
    rows (list[Row]): Those that go on.
    cache (DynamicCache): Keys and values. Shape of each: (rows, heads, columns, head size).
    mask (torch.Tensor): Which columns of the cache are pieces of a row. Shape: (rows, columns).
    """

    model: Any
    rows: list[Row]
    cache: DynamicCache
    mask: torch.Tensor

    @classmethod
    def start(cls, model: Any, head: KeyValues, rows: list[Row]) -> "Batch":
        """Rows behind the same head, whose keys and values every row shares."""
        shared = tuple((k.expand(len(rows), -1, -1, -1), v.expand(len(rows), -1, -1, -1)) for k, v in head)
        columns = head[0][0].shape[-2]
        mask = torch.ones(len(rows), columns, dtype=torch.long, device=head[0][0].device)
        return cls(model, rows, DynamicCache.from_legacy_cache(shared), mask)

    def read(self) -> NDArray[np.float32]:
        """Let the model read what the rows feed. RETURNS: Logits behind the last piece of each. Shape: (rows, vocabulary)."""
        width = max(len(row.feed) for row in self.rows)
        # Padded on the left, so that the last column is the last piece of every row.
        ids, seen, places = (np.zeros((len(self.rows), width), dtype=np.int64) for _ in range(3))
        for i, row in enumerate(self.rows):
            start = width - len(row.feed)
            ids[i, start:], seen[i, start:] = row.feed, 1
            places[i, start:] = np.arange(row.length, row.length + len(row.feed))
            row.length += len(row.feed)
        device = self.mask.device
        self.mask = torch.cat([self.mask, torch.from_numpy(seen).to(device)], dim=1)
        output = self.model(
            input_ids=torch.from_numpy(ids).to(device),
            attention_mask=self.mask,
            position_ids=torch.from_numpy(places).to(device),
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: NDArray[np.float32] = output.logits[:, -1].float().cpu().numpy()
        return logits

    def write(self, logits: NDArray[np.float32]) -> None:
        """Let every row write, and those that have ended leave."""
        for row, scores in zip(self.rows, logits):
            row.write(scores)
        staying = [i for i, row in enumerate(self.rows) if not row.walker.done]
        if len(staying) < len(self.rows):
            self.rows = [self.rows[i] for i in staying]
            keep = torch.tensor(staying, device=self.mask.device, dtype=torch.long)
            self.mask = self.mask[keep]
            self.cache.batch_select_indices(keep)


@dataclass
class Decoder:
    """Writes the answers to any number of prompts.

    model (Any): A causal language model of transformers, in evaluation mode.
    batch_pieces (int): Most pieces of prompts, padding included, that are read at a time.
    heads (dict): Keys and values of heads that were read before.
    """

    model: Any
    batch_pieces: int = 8192
    heads: dict[tuple[int, ...], KeyValues] = field(default_factory=dict)

    @torch.inference_mode()
    def decode(self, prompts: Sequence[Prompt], walkers: Sequence[Walker]) -> None:
        """Let walkers write their answers.

        prompts (Sequence[Prompt]): Any number, in any order.
        walkers (Sequence[Walker]): One for each; they hold the answers afterwards.
        """
        with compact_states(self.model):
            for chunk in self._chunks(prompts):
                rows = [Row(i, walkers[i], len(prompts[i].head), list(prompts[i].body)) for i in chunk]
                for row in rows:
                    row.write_forced()
                batch = Batch.start(self.model, self._head(prompts[chunk[0]].head), [row for row in rows if not row.walker.done])
                while batch.rows:
                    batch.write(batch.read())

    def _chunks(self, prompts: Sequence[Prompt]) -> Iterator[list[int]]:
        """Prompts of one head and of like length together, the longest first."""
        order = sorted(range(len(prompts)), key=lambda i: (prompts[i].head, -len(prompts[i].body)))
        # A sliding window of attention is counted in columns, padding included, so such models read one prompt at a time.
        alone = bool(getattr(getattr(self.model, "config", None), "sliding_window", None))
        chunk: list[int] = []
        for i in order:
            if chunk and (
                alone
                or prompts[i].head != prompts[chunk[0]].head
                or (len(chunk) + 1) * len(prompts[chunk[0]].body) > self.batch_pieces
            ):
                yield chunk
                chunk = []
            chunk.append(i)
        if chunk:
            yield chunk

    def _head(self, head: tuple[int, ...]) -> KeyValues:
        """Keys and values of a head, computed once."""
        found = self.heads.get(head)
        if found is None:
            if len(self.heads) > 16:
                self.heads.clear()
            ids = torch.tensor([head], device=self.model.device)
            cache = self.model(input_ids=ids, use_cache=True, past_key_values=DynamicCache(), logits_to_keep=1).past_key_values
            found = self.heads[head] = cache.to_legacy_cache()
        return found


@contextmanager
def compact_states(model: Any) -> Iterator[None]:
    """Project states to the vocabulary from memory of their own.

    The last states of a batch are a slice of all states, which a bf16 product on a CPU reads a hundred times slower.
    """
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda module, args: (args[0].contiguous(),))
    try:
        yield
    finally:
        hook.remove()
