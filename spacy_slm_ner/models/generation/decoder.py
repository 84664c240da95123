"""Batched greedy decoding under constraints.

A batch is ragged: sequences read different numbers of pieces in a step, because pieces without an alternative are not sampled
but read together with the next decision, and proposed pieces are read before they are accepted (see `running_sequence`). A
sequence whose answer has ended leaves, and another enters. Neither batching nor a proposal changes a result.
"""

import sys
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Optional, Sequence

import torch

from ...constraints.draft import Draft
from ...constraints.guide import Guide
from ..pretrained.chat_tokenizer import Prompt
from .attention_backend import twin_with_our_attention
from .batch_reader import BatchReader
from .capabilities import Capabilities, try_capabilities
from .lm_head import LMHead
from .packed_reader import PackedReader
from .padded_reader import SLACK, PaddedReader
from .prefix_cache import PrefixCache, common_start
from .running_sequence import RunningSequence

# Most pieces that sequences which are read together have in the cache, their prefixes included.
MOST_CACHED = 2**15


@dataclass
class Decoder:
    """Writes the answers to any number of prompts.

    model (Any): A causal language model of transformers, in evaluation mode.
    batch_pieces (int): Most pieces of prompts, answers and proposals, padding included, up to which another sequence enters.
    draft_pieces (int): Most pieces that are proposed at a time.
    capabilities (Optional[Capabilities]): What the model can do; None to try.
    """

    model: Any
    batch_pieces: int = 8192
    draft_pieces: int = 64
    capabilities: Optional[Capabilities] = None

    def __post_init__(self) -> None:
        cache_argument, is_linear, is_packable = self.capabilities or try_capabilities(self.model)
        self.lm_head = LMHead(self.model, cache_argument, is_linear)
        # The same model for packed batches; None if it has to be read padded.
        self.packed: Optional[LMHead] = None
        if is_packable:
            self.packed = LMHead(twin_with_our_attention(self.model), cache_argument, is_linear)
        self.prefixes = PrefixCache(self.lm_head, self.packed)
        self.spare: list[torch.Tensor] = []

    @torch.inference_mode()
    def decode(
        self, prompts: Sequence[Prompt], guides: Sequence[Guide], drafts: Optional[Sequence[Optional[Draft]]] = None
    ) -> None:
        """Write answers into guides.

        prompts (Sequence[Prompt]): Any number, in any order.
        guides (Sequence[Guide]): The constraint of each; they hold the answers afterwards.
        drafts (Optional[Sequence[Optional[Draft]]]): What each answer may be; the answers are the same without.
        """
        shared = shared_prefixes([prompt.prefix for prompt in prompts])
        sequences = [
            RunningSequence(pieces, guide, draft, len(pieces), [*prompt.prefix[len(pieces) :], *prompt.suffix])
            for prompt, pieces, guide, draft in zip(prompts, shared, guides, drafts or [None] * len(prompts))
        ]
        for sequence in sequences:
            sequence.write_forced()
            sequence.propose(self.draft_pieces, self._max_length)
        waiting = in_order([sequence for sequence in sequences if not sequence.guide.done])
        with closing(self._reader()) as reader:
            self._write(deque(waiting), reader)

    def _write(self, waiting: deque[RunningSequence], reader: BatchReader) -> None:
        """Write all answers to their ends, as many at a time as `batch_pieces` admits."""
        running: list[RunningSequence] = []
        while waiting or running:
            entering = self._take(waiting, running)
            if entering:
                reader.enter(self.prefixes.load([sequence.prefix for sequence in entering]))
                running += entering
            whole = any(sequence.guide.allowed() is None for sequence in running)
            logits = reader.read([sequence.step_input() for sequence in running], whole)
            for number, sequence in enumerate(running):
                sequence.write(logits, number)
            staying = [number for number, sequence in enumerate(running) if not sequence.guide.done]
            running = [running[number] for number in reader.keep(staying)]
            for sequence in running:
                sequence.propose(self.draft_pieces, self._max_length)

    def _take(self, waiting: deque[RunningSequence], running: Sequence[RunningSequence]) -> list[RunningSequence]:
        """Take from the waiting sequences as many as there is space for beside the running ones.

        The cache is as wide as the longest needs, so space is counted as if all were as long. A model that cannot be packed would
        read as many pieces of every sequence as the new ones have, so none enters while it reads.
        """
        entering: list[RunningSequence] = []
        if running and self.packed is None:
            return entering
        longest = max((sequence.size for sequence in running), default=0)
        widest = max((sequence.width for sequence in running), default=0)
        while waiting:
            longest, widest = max(longest, waiting[0].size), max(widest, waiting[0].width)
            count = len(running) + len(entering) + 1
            is_full = count * longest > self.batch_pieces or count * widest > MOST_CACHED
            if count > 1 and (self.alone or is_full):
                break
            entering.append(waiting.popleft())
        return entering

    def _reader(self) -> BatchReader:
        if self.packed is None:
            return PaddedReader(self.lm_head, 0 if self.alone else SLACK)
        return PackedReader(self.packed, self.spare)

    @property
    def alone(self) -> bool:
        """Whether no two sequences can be read together: a padded sliding window is counted in columns, padding included."""
        return self.packed is None and bool(getattr(self.model.config, "sliding_window", None))

    @property
    def _max_length(self) -> int:
        """Number of pieces that the model can read."""
        return getattr(self.model.config, "max_position_embeddings", None) or sys.maxsize


def shared_prefixes(prefixes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Choose how much of the prefix of each prompt is read once and cached.

    prefixes (Sequence[tuple[int, ...]]): Of prompts that are read together.
    RETURNS (list[tuple[int, ...]]): The first pieces of each, at least one: the whole prefix if other prompts have it as well; of
        the remaining ones what they have in common, which is the whole of a single one.
    """
    counts = Counter(prefixes)
    common = common_start([prefix for prefix, count in counts.items() if count == 1])
    return [prefix if counts[prefix] > 1 else prefix[: len(common) or 1] for prefix in prefixes]


def in_order(sequences: Sequence[RunningSequence]) -> list[RunningSequence]:
    """Put sequences into the order in which they are read.

    The longest first, as those that follow never need more space; but those with the same prefix one after the other.
    """
    longest: dict[tuple[int, ...], int] = {}
    for sequence in sequences:
        longest[sequence.prefix] = max(sequence.size, longest.get(sequence.prefix, 0))
    return sorted(sequences, key=lambda sequence: (-longest[sequence.prefix], sequence.prefix, -sequence.size))
