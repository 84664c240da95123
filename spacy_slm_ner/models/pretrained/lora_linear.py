"""A linear layer with a low-rank adapter whose gradient costs little more than its products.

`peft` computes `base(x) + B(A(dropout(x))) * scale` step by step: a mask as wide as the input, and three copies as wide as the
output, for each layer. Here the adapter is added in place, its input is kept once, and what is left out is drawn of the few
values between A and B, which are the hidden units of a small network (Hinton et al. 2012).
"""

from typing import Any, Optional

import torch
from peft.tuners.lora import Linear, LoraLayer
from torch.nn import functional

# What a second matrix of an adapter calls the share of its input that is left out in training.
SHARE = "dropout_before"


class LoraLinear(Linear):
    """The layer of `peft`, with another way to the same numbers, where there is one."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        if args or kwargs or not self._is_plain(x):
            found: torch.Tensor = super().forward(x, *args, **kwargs)
            return found
        name = self.active_adapters[0]
        base, a, b = self.base_layer, self.lora_A[name], self.lora_B[name]
        share = getattr(b, SHARE, 0.0) if self.training else 0.0
        mask = functional.dropout(x.new_ones(*x.shape[:-1], a.out_features, dtype=torch.float32), share) if share else None
        return AddLowRank.apply(x, base.weight, base.bias, a.weight, b.weight, self.scaling[name], mask)

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
    """Set the dropout between the matrices of the adapters of a model.

    share (float): Of the values that are left out in training.
    """
    for layer in model.modules():
        for matrix in layer.lora_B.values() if isinstance(layer, LoraLayer) else ():
            if not hasattr(matrix, SHARE):
                # For layers that peft computes; ours do not call the matrix.
                matrix.register_forward_pre_hook(drop)
            setattr(matrix, SHARE, share)


def drop(matrix: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return functional.dropout(args[0], getattr(matrix, SHARE), matrix.training), *args[1:]


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
