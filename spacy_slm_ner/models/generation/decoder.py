"""Batched greedy decoding under constraints.

A batch is ragged: sequences read different numbers of pieces in a step, because pieces without an alternative are not sampled
but read together with the next decision, and proposed pieces are read before they are accepted (see `running_sequence`). A
sequence whose answer has ended leaves, and another enters. Neither batching nor a proposal changes a result.
"""

import sys
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field
from itertools import takewhile
from operator import itemgetter
from typing import Any, Optional, Sequence

import torch

from ...constraints.draft import Draft
from ...constraints.guide import Guide
from ..pretrained.chat_tokenizer import Prompt
from .attention_backend import twin_with_our_attention
from .batch_reader import BatchReader, read_prefix
from .capabilities import Capabilities, try_capabilities
from .kv_cache import KeyValues, first_columns
from .lm_head import LMHead
from .packed_reader import PackedReader
from .padded_reader import SLACK, PaddedReader
from .running_sequence import RunningSequence

# Number of prefixes that are remembered besides the one in use.
CACHED_PREFIXES = 16


@dataclass
class Decoder:
    """Writes the answers to any number of prompts.

    model (Any): A causal language model of transformers, in evaluation mode.
    batch_pieces (int): Most pieces of prompts, answers and proposals, padding included, up to which another sequence enters.
    draft_pieces (int): Most pieces that are proposed at a time.
    capabilities (Optional[Capabilities]): What the model can do; None to try.
    prefix_cache (dict): Keys and values of what prompts share, and was read before.
    """

    model: Any
    batch_pieces: int = 8192
    draft_pieces: int = 64
    capabilities: Optional[Capabilities] = None
    prefix_cache: dict[tuple[int, ...], KeyValues] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cache_argument, is_linear, is_packable = self.capabilities or try_capabilities(self.model)
        self.lm_head = LMHead(self.model, cache_argument, is_linear)
        # The same model for packed batches; None if it has to be read padded.
        self.packed: Optional[LMHead] = None
        if is_packable:
            self.packed = LMHead(twin_with_our_attention(self.model), cache_argument, is_linear)
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
                reader.enter([self._cached(sequence.prefix) for sequence in entering])
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
        while waiting:
            longest = max(longest, waiting[0].size)
            count = len(running) + len(entering) + 1
            if count > 1 and (self.alone or count * longest > self.batch_pieces):
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

    def _cached(self, prefix: tuple[int, ...]) -> KeyValues:
        """Return the keys and values of a prefix, computed once as long as it is among the last ones.

        What another one of these begins with as well is not read again.
        """
        # Taken out and put back, so that the last ones are those in use. Another thread may do so at the same time.
        found = self.prefix_cache.pop(prefix, None)
        if found is None:
            known = [(len(common_start([prefix[:-1], other])), layers) for other, layers in list(self.prefix_cache.items())]
            length, layers = max(known, key=itemgetter(0), default=(0, ()))
            found = read_prefix(self.lm_head, prefix[length:], first_columns(layers, length) if length else ())
        for oldest in list(self.prefix_cache)[:-CACHED_PREFIXES]:
            self.prefix_cache.pop(oldest, None)
        self.prefix_cache[prefix] = found
        return found


def shared_prefixes(prefixes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Choose how much of the prefix of each prompt is read once and cached.

    prefixes (Sequence[tuple[int, ...]]): Of prompts that are read together.
    RETURNS (list[tuple[int, ...]]): The first pieces of each, at least one: the whole prefix if other prompts have it as well; of
        the remaining ones what they have in common, which is the whole of a single one.
    """
    counts = Counter(prefixes)
    common = common_start([prefix for prefix, count in counts.items() if count == 1])
    return [prefix if counts[prefix] > 1 else prefix[: len(common) or 1] for prefix in prefixes]


def common_start(prefixes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the pieces that all prefixes begin with."""
    return tuple(pieces[0] for pieces in takewhile(lambda pieces: len(set(pieces)) == 1, zip(*dict.fromkeys(prefixes))))


def in_order(sequences: Sequence[RunningSequence]) -> list[RunningSequence]:
    """Put sequences into the order in which they are read.

    The longest first, as those that follow never need more space; but those with the same prefix one after the other.
    """
    longest: dict[tuple[int, ...], int] = {}
    for sequence in sequences:
        longest[sequence.prefix] = max(sequence.size, longest.get(sequence.prefix, 0))
    return sorted(sequences, key=lambda sequence: (-longest[sequence.prefix], sequence.prefix, -sequence.size))
