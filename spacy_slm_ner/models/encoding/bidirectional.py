"""Bidirectional attention in a decoder: its causal mask is off in all layers or some, its padding still masked.

Nothing of the model is replaced. A mask that is given in four dimensions is taken by the models of transformers as it is, in
place of the causal one that they would make; layers that stay causal put their triangle back.
"""

from functools import partial
from inspect import signature
from typing import Any, Optional, Sequence

import torch

from ...errors import BaseModelError
from .capabilities import reads_together, sees_following

# How attention can be computed with a mask of our own.
ATTENTIONS = ("eager", "sdpa")


def make_bidirectional(model: Any, layers: Optional[Sequence[int]] = None) -> None:
    """Prepare a decoder for `full_mask`.

    model (Any): As `AutoModel` gives it.
    layers (Optional[Sequence[int]]): Numbers of the bidirectional layers, from 0; None for all. The others stay causal.
    RAISES (BaseModelError): If the model has no causal mask, or one that cannot be switched off, or has no such layers.
    """
    if model.config._attn_implementation not in ATTENTIONS:
        raise BaseModelError(
            f"Got a model with the attention {model.config._attn_implementation!r}, whose causal mask cannot be switched off. "
            f"Possible are {', '.join(ATTENTIONS)}."
        )
    if sees_following(model):
        raise BaseModelError(
            f"Got bidirectional = true for a {type(model).__name__}, which sees both sides anyway. Set it to false; it is for "
            "decoders (Llama, SmolLM2, Mistral, Qwen2)."
        )
    if layers is not None:
        keep_causal(model, layers)
    if not is_open(model, layers):
        raise BaseModelError(
            f"Got bidirectional = {True if layers is None else list(layers)} for a {type(model).__name__}, whose causal mask "
            "cannot be switched off there. Set it to false, or name a decoder of Llama's kind (Llama, SmolLM2, Mistral, Qwen2)."
        )


def keep_causal(model: Any, layers: Sequence[int]) -> None:
    """Let all layers but some stay causal. RAISES (BaseModelError): If the model has no such layers."""
    number = model.config.num_hidden_layers
    wrong = [layer for layer in layers if not 0 <= layer < number]
    if wrong:
        raise BaseModelError(f"Got bidirectional layers {wrong}, the base has those from 0 to {number - 1}.")
    parts = getattr(model, "layers", ())
    if len(parts) != number:
        raise BaseModelError(
            f"Got bidirectional = {list(layers)} for a {type(model).__name__}, whose layers cannot be told apart. Set it to "
            "true, which is all layers, or name a decoder of Llama's kind (Llama, SmolLM2, Mistral, Qwen2)."
        )
    for layer, part in enumerate(parts):
        if layer not in layers:
            part.register_forward_pre_hook(hide_following, with_kwargs=True)


def is_open(model: Any, layers: Optional[Sequence[int]]) -> bool:
    """Whether pieces now see what follows, in the layers where they should, and no padding."""
    make_mask = partial(full_mask, model)
    try:
        return sees_following(model, make_mask) == (layers is None or len(layers) > 0) and reads_together(model, make_mask)
    except Exception:
        # Models that take no mask of ours end in errors of many kinds.
        return False


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
    """Hide the following pieces as well, as a forward pre-hook of a layer, which is given its mask by name or by place."""
    given = signature(layer.forward).bind(*args, **kwargs)
    mask = given.arguments["attention_mask"]
    later = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device).triu(1)
    hidden = mask & ~later if mask.dtype == torch.bool else mask.masked_fill(later, torch.finfo(mask.dtype).min)
    given.arguments["attention_mask"] = hidden
    return given.args, given.kwargs
