"""Bidirectional attention in a decoder: its causal mask is off in all layers or some, its padding still masked.

Nothing of the model is replaced. A mask that is given in four dimensions is taken by the models of transformers as it is, in
place of the causal one that they would make; layers that stay causal put their triangle back.
"""

from typing import Any, Optional, Sequence

import torch

from ...errors import BaseModelError

# How attention can be computed with a mask of our own.
ATTENTIONS = ("eager", "sdpa")


def make_bidirectional(model: Any, layers: Optional[Sequence[int]] = None) -> None:
    """Prepare a decoder for `full_mask`.

    model (Any): As `AutoModel` gives it.
    layers (Optional[Sequence[int]]): Numbers of the bidirectional layers, from 0; None for all. The others stay causal.
    RAISES (BaseModelError): If the model's causal mask cannot be switched off, or it has no such layers.
    """
    check_decoder(model)
    number = len(model.layers)
    wrong = [layer for layer in layers or () if not 0 <= layer < number]
    if wrong:
        raise BaseModelError(f"Got bidirectional layers {wrong}, the base has those from 0 to {number - 1}.")
    for layer in range(number):
        if layers is not None and layer not in layers:
            model.layers[layer].register_forward_pre_hook(hide_following, with_kwargs=True)


def check_decoder(model: Any) -> None:
    """RAISES (BaseModelError): If a model is no decoder of Llama's kind, or its attention takes no mask of ours."""
    layers = getattr(model, "layers", None)
    if layers is None or not all(getattr(getattr(layer, "self_attn", None), "is_causal", False) for layer in layers):
        raise BaseModelError(
            f"Got bidirectional = true for a {type(model).__name__}, which is no decoder of Llama's kind (Llama, SmolLM2, "
            "Mistral, Qwen2). Set it to false: an encoder sees both sides anyway."
        )
    if model.config._attn_implementation not in ATTENTIONS:
        raise BaseModelError(
            f"Got a model with the attention {model.config._attn_implementation!r}, whose causal mask cannot be switched off. "
            f"Possible are {', '.join(ATTENTIONS)}."
        )


def full_mask(model: Any, padding: torch.Tensor) -> torch.Tensor:
    """Make the mask that hides padding and nothing else.

    model (Any): As `AutoModel` gives it, prepared by `make_bidirectional`.
    padding (torch.Tensor): 1 for a piece, 0 for padding. Shape: (batch, length).
    RETURNS (torch.Tensor): Shape: (batch, 1, length, length), as its attention takes it: true for what is seen, or added to
        scores.
    """
    batch, length = padding.shape
    seen = padding.bool()[:, None, None, :].expand(batch, 1, length, length)
    if model.config._attn_implementation == "sdpa":
        return seen
    dtype = model.dtype
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)


def hide_following(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Hide the following pieces as well, as a forward pre-hook of a layer."""
    mask = kwargs["attention_mask"]
    later = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device).triu(1)
    hidden = mask & ~later if mask.dtype == torch.bool else mask.masked_fill(later, torch.finfo(mask.dtype).min)
    return args, {**kwargs, "attention_mask": hidden}
