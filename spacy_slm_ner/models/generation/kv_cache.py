"""Keys and values as the cache of transformers, in any of its versions."""

from typing import Any

import torch
from transformers import DynamicCache

# Keys and values of each layer. Shape of each: (rows, heads, columns, head size).
KeyValues = tuple[tuple[torch.Tensor, torch.Tensor], ...]

# What models call their cache: today, and before transformers 5.24.
ARGUMENTS = ("cache", "past_key_values")


def to_cache(layers: KeyValues = ()) -> Any:
    """Make a cache that holds some keys and values, or is empty."""
    cache: Any = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache


def key_values(cache: Any) -> KeyValues:
    """Return what a cache holds."""
    if hasattr(cache, "layers"):
        return tuple((layer.keys, layer.values) for layer in cache.layers)
    # Before transformers 4.54.
    return tuple(zip(cache.key_cache, cache.value_cache))


def first_columns(layers: KeyValues, count: int) -> KeyValues:
    """Return the keys and values of the first pieces, which those behind them do not change."""
    return tuple((keys[:, :, :count], values[:, :, :count]) for keys, values in layers)


def find_cache_argument(model: Any) -> str:
    """Find out what a model calls its cache: where the name is right, a pass fills the cache.

    model (Any): A causal language model of transformers.
    RAISES (ValueError): If no name is.
    """
    reason = ""
    for name in ARGUMENTS:
        cache = to_cache()
        try:
            model(input_ids=torch.tensor([[0]], device=model.device), use_cache=True, **{name: cache})
            if len(key_values(cache)) and cache.get_seq_length() == 1:
                return name
            reason = "it keeps no keys and values of what it has read"
        except Exception as error:
            # Of the name, or of a model that computes otherwise.
            reason = str(error)
    raise ValueError(reason)
