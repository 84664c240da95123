"""From a pass of a model to the logits of the pieces that may follow."""

from contextlib import contextmanager
from threading import get_ident
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np
import torch
from numpy.typing import NDArray

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
    cache_argument (str): What it calls its cache.
    is_linear (bool): Whether its logits are such a function.
    """

    def __init__(self, model: Any, cache_argument: str, is_linear: bool) -> None:
        self.model = model
        self.cache_argument = cache_argument
        self.is_linear = is_linear
        self.output = model.get_output_embeddings()
        self._weights: dict[tuple[int, ...], tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

    def forward(self, keep: Union[int, torch.Tensor], whole: bool, cache: Any = None, **inputs: Any) -> StepLogits:
        """Run the model.

        keep (Union[int, torch.Tensor]): Columns whose logits are needed: a number of the last ones, or which.
        whole (bool): Whether the logits of the whole vocabulary are needed.
        cache (Any): Of transformers, which is read and written; None for none.
        inputs (Any): Of the model.
        """
        inputs["use_cache"] = cache is not None
        if cache is not None:
            inputs[self.cache_argument] = cache
        chosen = slice(-keep, None) if isinstance(keep, int) else keep
        if self.is_linear and not whole:
            states = self.model.base_model(**inputs).last_hidden_state[:, chosen]
            return StepLogits(states.float().cpu().numpy(), self)
        with projected_at(self.output, slice(None), chosen):
            return StepLogits(self.model(**inputs).logits.float().cpu().numpy(), None)

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
def projected_at(output: Any, *places: Union[slice, torch.Tensor]) -> Iterator[None]:
    """Project the states of some places alone to the vocabulary.

    They are copied to memory of their own: a bf16 product on a CPU reads a slice of other states a hundred times slower. Other
    threads may project at the same time, each places of its own.

    output (Any): The layer that projects.
    places (Union[slice, torch.Tensor]): An index of its input, of rows and columns.
    """
    thread = get_ident()

    def choose(module: Any, args: tuple[Any, ...]) -> Any:
        return (args[0][places].contiguous(),) if get_ident() == thread else None

    hook = output.register_forward_pre_hook(choose)
    try:
        yield
    finally:
        hook.remove()
