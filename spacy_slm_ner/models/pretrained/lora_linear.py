"""A linear layer with a low-rank adapter whose gradient costs little more than its products.

`peft` computes `base(x) + B(A(dropout(x))) * scale` step by step: a mask as wide as the input, and three copies as wide as the
output, for each layer. Here the adapter is added in place, its input is kept once, and what is left out is drawn of the few
values between A and B, which are the hidden units of a small network (Hinton et al. 2012).
"""

from typing import Any, Optional

import torch
from peft.tuners.lora import Linear
from torch.nn import functional


class LoraLinear(Linear):
    """The layer of `peft`, with another way to the same numbers.

    inner_dropout (float): Share of the values between A and B that is left out in training.
    """

    inner_dropout: float = 0.0

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args or kwargs or not self._is_plain(x):
            found: torch.Tensor = super().forward(x, *args, **kwargs)
            return found
        name = self.active_adapters[0]
        mask = None
        if self.training and self.inner_dropout:
            shape = (*x.shape[:-1], self.lora_A[name].out_features)
            mask = functional.dropout(x.new_ones(shape, dtype=torch.float32), self.inner_dropout)
        base = self.base_layer
        weights = self.lora_A[name].weight, self.lora_B[name].weight
        return AddLowRank.apply(x, base.weight, base.bias, *weights, self.scaling[name], mask)

    def _is_plain(self, x: torch.Tensor) -> bool:
        """Whether one adapter is trained that has no more than two matrices, over a base whose weights are not."""
        if self.disable_adapters or self.merged or len(self.active_adapters) != 1 or torch.is_autocast_enabled(x.device.type):
            return False
        name = self.active_adapters[0]
        return (
            torch.is_grad_enabled()
            and name in self.lora_A
            and type(self.base_layer) is torch.nn.Linear
            and not self.base_layer.weight.requires_grad
            and type(self.lora_dropout[name]) is torch.nn.Identity
            and self.lora_B[name].bias is None
            and not getattr(self, "lora_variant", {}).get(name)
            and not getattr(self, "use_dora", {}).get(name)
        )


def make_fast(model: Any) -> None:
    """Let the plain layers of all adapters of a model be ours."""
    for module in model.modules():
        if type(module) is Linear:
            module.__class__ = LoraLinear


def drop_between(model: Any, share: float) -> None:
    """Set the dropout between the matrices of the adapters of a model. Layers that are not ours have none.

    share (float): Of the values that are left out.
    """
    for module in model.modules():
        if isinstance(module, LoraLinear):
            module.inner_dropout = share


class AddLowRank(torch.autograd.Function):
    """`x W' + b + s (x A' * mask) B'`, with W and b that are not trained. All is computed in the type of x."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: Optional[torch.Tensor],
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        mask: Optional[torch.Tensor],
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        inner = rows @ a.to(x.dtype).T
        kept = None if mask is None else mask.to(x.dtype).view(len(rows), -1)
        if kept is not None:
            inner *= kept
        ctx.save_for_backward(rows, inner, weight, a, b, kept)
        ctx.scale, ctx.shape = scale, x.shape
        found = functional.linear(rows, weight, bias).addmm_(inner, b.to(x.dtype).T, alpha=scale)
        return found.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        rows, inner, weight, a, b, kept = ctx.saved_tensors
        gradient = gradients[0].reshape(len(rows), -1)
        to_b = (gradient.T @ inner).to(b.dtype).mul_(ctx.scale)
        to_inner = (gradient @ b.to(gradient.dtype)).mul_(ctx.scale)
        if kept is not None:
            to_inner *= kept
        to_a = (to_inner.T @ rows).to(a.dtype)
        to_x = None
        if ctx.needs_input_grad[0]:
            to_x = (gradient @ weight).addmm_(to_inner, a.to(gradient.dtype)).view(ctx.shape)
        return to_x, None, None, to_a, to_b, None, None
