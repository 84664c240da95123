"""Letting a decoder see what follows: its causal mask switched off, in all layers or in some, its padding still masked.

Nothing of the model is replaced. A mask that is given in four dimensions is taken by the models of transformers as it is, in
place of the causal one that they would make; layers that stay causal put their triangle back.
"""

from typing import Any, Optional, Sequence

import torch

from ..errors import BaseModelError

# How attention can be computed with a mask of our own.
ATTENTIONS = ("eager", "sdpa")


def decoder_layers(model: Any) -> Optional[Any]:
    """Layers of a decoder of Llama's kind; None for every other model.

    model (Any): As `AutoModel` gives it.
    """
    layers = getattr(model, "layers", None)
    causal = layers is not None and all(getattr(getattr(layer, "self_attn", None), "is_causal", False) for layer in layers)
    return layers if causal else None


def check_decoder(model: Any, unmasked: Optional[Sequence[int]] = None) -> int:
    """Number of layers of a decoder.

    RAISES (BaseModelError): If a model's causal mask cannot be switched off, or it has no such layers.
    """
    layers = decoder_layers(model)
    if layers is None:
        raise BaseModelError(
            f"Got bidirectional = true for a {type(model).__name__}, which is no decoder of Llama's kind (Llama, SmolLM2, "
            "Mistral, Qwen2). Set it to false: an encoder sees both sides anyway."
        )
    if model.config._attn_implementation not in ATTENTIONS:
        raise BaseModelError(
            f"Got a model with the attention {model.config._attn_implementation!r}, whose causal mask cannot be switched off. "
            f"Possible are {', '.join(ATTENTIONS)}."
        )
    wrong = [number for number in unmasked or () if not 0 <= number < len(layers)]
    if wrong:
        raise BaseModelError(f"Got bidirectional layers {wrong}, the base has those from 0 to {len(layers) - 1}.")
    return len(layers)


def unmask(model: Any, layers: Optional[Sequence[int]] = None) -> None:
    """Prepare a decoder for `open_mask`.

    model (Any): As `AutoModel` gives it.
    layers (Optional[Sequence[int]]): Numbers of the layers that see what follows, from 0; None for all. The others stay causal.
    RAISES (BaseModelError): See `check_decoder`.
    """
    number = check_decoder(model, layers)
    for causal in sorted(set(range(number)) - set(range(number) if layers is None else layers)):
        model.layers[causal].register_forward_pre_hook(close_mask, with_kwargs=True)


def open_mask(model: Any, padding: torch.Tensor) -> torch.Tensor:
    """The mask that hides padding and nothing else.

    model (Any): As `AutoModel` gives it, unmasked by `unmask`.
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


def close_mask(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A forward pre-hook: hides what follows as well."""
    mask = kwargs["attention_mask"]
    later = torch.ones(mask.shape[-2:], dtype=torch.bool, device=mask.device).triu(1)
    hidden = mask & ~later if mask.dtype == torch.bool else mask.masked_fill(later, torch.finfo(mask.dtype).min)
    return args, {**kwargs, "attention_mask": hidden}
