"""How a batch of rows is read: what goes in, what comes out, and what is remembered in between."""

from typing import Any, NamedTuple, Protocol, Sequence

import torch
from transformers import DynamicCache

from .lm_head import Head, Read

# Keys and values of each layer. Shape of each: (rows, heads, columns, head size).
KeyValues = tuple[tuple[torch.Tensor, torch.Tensor], ...]


class StepInput(NamedTuple):
    """What one row lets the model read.

    pieces (list[int]): Those that were not read yet.
    length (int): Number of pieces that it has read before, and that still count.
    keep (int): Number of the last pieces behind which scores are asked for.
    """

    pieces: list[int]
    length: int
    keep: int


class BatchReader(Protocol):
    """Reads rows together, and remembers what each has read. Rows do not see each other.

    `enter`, `read` and `keep` again and again, where `enter` may be left out while there are rows.
    """

    def enter(self, known: Sequence[KeyValues]) -> None:
        """Let rows in, behind those that are there.

        known (Sequence[KeyValues]): What each has read before, as one row. Rows that share it give the same object.
        """
        ...

    def read(self, fed: Sequence[StepInput], whole: bool) -> Read:
        """Let each row read on. What a row has read beyond `length` is forgotten.

        whole (bool): Whether the scores of all pieces are asked for.
        """
        ...

    def keep(self, staying: Sequence[int]) -> Sequence[int]:
        """Forget all rows but some. RETURNS (Sequence[int]): The same rows, in the order in which they are read from now on."""
        ...

    def close(self) -> None:
        """Forget all rows; it is not used again."""
        ...


def read_prefix(head: Head, pieces: Sequence[int]) -> KeyValues:
    """Keys and values of the head of a prompt."""
    cache: Any = DynamicCache()
    ids = torch.tensor([list(pieces)], device=head.model.device)
    head.read(1, False, input_ids=ids, past_key_values=cache, use_cache=True)
    found: KeyValues = cache.to_legacy_cache()
    return found
