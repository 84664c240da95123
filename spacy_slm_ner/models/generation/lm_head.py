"""From a pass of a model to the logits of the pieces that may follow."""

from contextlib import contextmanager
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

# Number of cached sets of pieces, and the most pieces of one: labels come again and again, words of a text do not.
CACHED_SETS, LARGEST_SET = 256, 32


class StepLogits(NamedTuple):
    """The logits of a step, projected when they are asked for.

    values (Any): Of each sequence, hidden states or logits of its last columns. Shape: (sequences, columns, values); sequences
        may differ in their columns.
    lm_head (Optional[LMHead]): Projects hidden states; None if the values are logits already.
    """

    values: Any
    lm_head: "Optional[LMHead]"

    def logits(self, sequence: int, column: int, allowed: Optional[Sequence[int]]) -> NDArray[np.float32]:
        """Logits of the allowed pieces, or of the whole vocabulary. Shape: (pieces,)."""
        found: NDArray[np.float32] = self.values[sequence][column]
        if self.lm_head is not None and allowed is not None:
            weight, bias = self.lm_head.weights(allowed)
            return weight @ found + bias
        return found if allowed is None else found[np.asarray(allowed)]


class LMHead:
    """Projects hidden states to the allowed pieces alone, where a model's logits are a linear function of them: a vocabulary is
    large, and what a constraint allows is a few pieces.

    model (Any): A causal language model of transformers.
    is_linear (Optional[bool]): Whether its logits are such a function; None to try.
    """

    def __init__(self, model: Any, is_linear: Optional[bool] = None) -> None:
        self.model = model
        self.output = model.get_output_embeddings()
        self.is_linear = self._try_linear() if is_linear is None else is_linear
        self._weights: dict[tuple[int, ...], tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def _try_linear(self) -> bool:
        """Whether nothing happens to the logits behind the projection: some models bound or scale them."""
        if self.model.base_model is self.model:
            return False
        ids = torch.tensor([[0, 1]], device=self.model.device)
        states = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        expected = functional.linear(states.contiguous(), self.output.weight, self.output.bias)
        return torch.equal(self.model(input_ids=ids, use_cache=False).logits, expected)

    def forward(self, keep: Union[int, torch.Tensor], whole: bool, **inputs: Any) -> StepLogits:
        """Run the model.

        keep (Union[int, torch.Tensor]): Columns whose logits are needed: a number of the last ones, or which.
        whole (bool): Whether the logits of the whole vocabulary are needed.
        inputs (Any): Of the model.
        """
        if self.is_linear and not whole:
            chosen = slice(-keep, None) if isinstance(keep, int) else keep
            states = self.model.base_model(**inputs).last_hidden_state[:, chosen]
            return StepLogits(states.float().cpu().numpy(), self)
        with compact_states(self.output):
            return StepLogits(self.model(**inputs, logits_to_keep=keep).logits.float().cpu().numpy(), None)

    def weights(self, pieces: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weights and biases of some pieces. Shapes: (pieces, values), (pieces,)."""
        key = tuple(pieces)
        found = self._weights.get(key)
        if found is None:
            chosen = torch.tensor(key, device=self.output.weight.device)
            bias = self.output.bias
            weight = self.output.weight[chosen].float().cpu().numpy()
            found = weight, np.zeros(len(key), dtype=np.float32) if bias is None else bias[chosen].float().cpu().numpy()
            if len(key) <= LARGEST_SET:
                if len(self._weights) >= CACHED_SETS:
                    self._weights.clear()
                self._weights[key] = found
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
