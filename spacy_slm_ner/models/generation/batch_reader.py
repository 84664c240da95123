"""The interface of batch readers: the inputs of a step, its logits, and the sequences that are cached in between."""

from typing import NamedTuple, Protocol, Sequence

import torch

from .kv_cache import KeyValues, key_values, to_cache
from .lm_head import LMHead, StepLogits


class StepInput(NamedTuple):
    """The input of one sequence in a step.

    pieces (list[int]): Pieces that were not read yet.
    length (int): Number of cached pieces that still count; those behind them are forgotten.
    keep (int): Number of the last pieces whose logits are needed.
    """

    pieces: list[int]
    length: int
    keep: int


class BatchReader(Protocol):
    """Reads sequences together, and caches keys and values of each. Sequences do not see each other.

    Called as `enter`, `read` and `keep`, again and again; `enter` may be left out while there are sequences.
    """

    def enter(self, prefixes: Sequence[KeyValues]) -> None:
        """Add sequences behind those that are there.

        prefixes (Sequence[KeyValues]): Cached prefix of each, as one row. Sequences that share a prefix give the same object.
        """
        ...

    def read(self, steps: Sequence[StepInput], whole: bool) -> StepLogits:
        """Let the model read the next pieces of each sequence.

        whole (bool): Whether the logits of the whole vocabulary are needed.
        """
        ...

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        """Forget all sequences but some. RETURNS (Sequence[int]): The same numbers, in the order of the next `read`."""
        ...

    def close(self) -> None:
        """Forget all sequences; the reader is not used again."""
        ...


def read_prefix(lm_head: LMHead, pieces: Sequence[int], before: KeyValues = ()) -> KeyValues:
    """Compute the keys and values of a prefix.

    lm_head (LMHead): Of the model.
    pieces (Sequence[int]): Its pieces, or what is not read yet of them.
    before (KeyValues): Keys and values of the pieces before those.
    """
    cache = to_cache(before)
    lm_head.forward(1, False, cache, input_ids=torch.tensor([list(pieces)], device=lm_head.model.device))
    return key_values(cache)
