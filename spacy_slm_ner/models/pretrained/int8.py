"""Linear layers that multiply integers of eight bits, for use on a processor.

Each output of a layer has a scale for its weights, and each row of its input one of its own (Dettmers et al. 2022): a decoder's
first piece has values a thousand times as large as those of all others, which one scale for all rows would turn to nothing.
"""

import warnings
from functools import cache
from typing import Any

import torch
from torch import nn

# The largest integer, and the least divisor of a row, which may be all zeros.
LARGEST, LEAST = 127, 1e-12


class Int8Linear(nn.Module):
    """A linear layer with rounded weights.

    layer (nn.Linear): The layer, in fp32. It is left as it is.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight = layer.weight.detach()
        scales = weight.abs().amax(dim=1).clamp(min=LEAST).double() / LARGEST
        with warnings.catch_warnings():
            # That tensors of this kind will go, for which torch has no other product on a processor yet.
            warnings.simplefilter("ignore", UserWarning)
            rounded = torch.quantize_per_channel(weight, scales, torch.zeros_like(scales, dtype=torch.long), 0, torch.qint8)
        self.weight = torch.ops.quantized.linear_prepack(rounded, None)
        self.bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        largest = x.abs().amax(dim=-1, keepdim=True).clamp(min=LEAST)
        found: torch.Tensor = torch.ops.quantized.linear_dynamic(x / largest, self.weight, reduce_range=not has_vnni())
        found.mul_(largest)
        return found if self.bias is None else found.add_(self.bias)


@cache
def has_vnni() -> bool:
    """Whether the processor adds up products of eight bits without overflow. Others must do with seven bits for the input."""
    # No part of torch's public interface.
    return any(getattr(torch.cpu, name, bool)() for name in ("_is_vnni_supported", "_is_avx512_vnni_supported"))


def quantize(model: Any) -> Any:
    """Turn the linear layers of a model to int8, but for the one that projects to its vocabulary.

    model (Any): As transformers has it, in fp32. It is changed.
    RETURNS (Any): The model.
    """
    output = model.get_output_embeddings()
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear and layer is not output:
                setattr(parent, name, Int8Linear(layer))
    return model
