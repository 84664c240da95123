"""Activation checkpointing: what a backward pass needs is computed a second time instead of held."""

from typing import Any

SETTINGS = {"use_reentrant": False}


def enable_checkpointing(model: Any) -> None:
    """Let a model of transformers compute twice."""
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=SETTINGS)
    else:
        # The name before transformers 5.
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=SETTINGS)


def has_checkpointing(model: Any) -> bool:
    """Whether a model, with adapters or without, computes twice."""
    return any(getattr(module, "gradient_checkpointing", False) for module in model.modules())
