"""From what a model has read to the scores of the pieces that may follow."""

from contextlib import contextmanager
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

# Sets of pieces whose weights are remembered, and the most pieces of one: labels come again and again, words of a text do not.
REMEMBERED, FEW = 256, 32


class Read(NamedTuple):
    """What a model says at the last columns of a batch.

    values (Any): States of a plain head, or else the scores of all pieces; of each row those behind its last pieces. Shape:
        (rows, columns, values), where rows may differ in their columns.
    head (Head): That scores them, None if they are scores.
    """

    values: Any
    head: "Optional[Head]"

    def scores(self, row: int, column: int, allowed: Optional[Sequence[int]]) -> NDArray[np.float32]:
        """Scores of some pieces, or of all. Shape: (pieces,)."""
        found: NDArray[np.float32] = self.values[row][column]
        if self.head is not None and allowed is not None:
            weight, bias = self.head.rows(allowed)
            return weight @ found + bias
        return found if allowed is None else found[np.asarray(allowed)]


class Head:
    """Scores only the pieces that are asked for, where a model's scores are a linear function of its states: a vocabulary is
    large, and what a constraint allows is a few pieces.

    model (Any): A causal language model of transformers.
    plain (Optional[bool]): Whether its scores are such a function; None to try.
    """

    def __init__(self, model: Any, plain: Optional[bool] = None) -> None:
        self.model = model
        self.output = model.get_output_embeddings()
        self.plain = self._is_plain() if plain is None else plain
        self._rows: dict[tuple[int, ...], tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def _is_plain(self) -> bool:
        """Whether nothing happens to the scores behind the projection: some models bound or scale them."""
        if self.model.base_model is self.model:
            return False
        ids = torch.tensor([[0, 1]], device=self.model.device)
        states = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        expected = functional.linear(states.contiguous(), self.output.weight, self.output.bias)
        return torch.equal(self.model(input_ids=ids, use_cache=False).logits, expected)

    def read(self, keep: Union[int, torch.Tensor], whole: bool, **inputs: Any) -> Read:
        """Let the model read.

        keep (Union[int, torch.Tensor]): Columns that scores are asked of: a number of the last ones, or which.
        whole (bool): Whether the scores of all pieces are asked for.
        inputs (Any): Of the model.
        """
        if self.plain and not whole:
            chosen = slice(-keep, None) if isinstance(keep, int) else keep
            states = self.model.base_model(**inputs).last_hidden_state[:, chosen]
            return Read(states.float().cpu().numpy(), self)
        with compact_states(self.output):
            return Read(self.model(**inputs, logits_to_keep=keep).logits.float().cpu().numpy(), None)

    def rows(self, pieces: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights and biases of some pieces. Shapes: (pieces, values), (pieces,)."""
        key = tuple(pieces)
        found = self._rows.get(key)
        if found is None:
            chosen = torch.tensor(key, device=self.output.weight.device)
            bias = self.output.bias
            weight = self.output.weight[chosen].float().cpu().numpy()
            found = weight, np.zeros(len(key), dtype=np.float32) if bias is None else bias[chosen].float().cpu().numpy()
            if len(key) <= FEW:
                if len(self._rows) >= REMEMBERED:
                    self._rows.clear()
                self._rows[key] = found
        return found


@contextmanager
def compact_states(output: Any) -> Iterator[None]:
    """Project states to the vocabulary from memory of their own.

    The last states of a batch are a slice of all states, which a bf16 product on a CPU reads a hundred times slower.
    """
    hook = output.register_forward_pre_hook(lambda module, args: (args[0].contiguous(),))
    try:
        yield
    finally:
        hook.remove()
