"""Models prepared for a `PackedReader`: whether one can be is tried, not read off its name."""

from copy import deepcopy
from typing import Optional

import numpy as np
import torch

from .attention_backend import NAME, CannotPack
from .batch_reader import StepInput, read_prefix
from .lm_head import LMHead
from .packed_reader import PackedReader


def packed_model(lm_head: LMHead) -> Optional[LMHead]:
    """Prepare a model for a `PackedReader`, which takes the place of its attention, and keeps keys and values and nothing else.

    lm_head (LMHead): Of the model.
    RETURNS (Optional[LMHead]): Of a twin with the same weights that attends by the reader; None if that would change results.
    """
    model = lm_head.model
    if not getattr(model, "_supports_attention_backend", False) or getattr(model.config, "attention_chunk_size", None):
        return None
    twin = deepcopy(model, {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}).eval()
    twin.config._attn_implementation = NAME
    packed = LMHead(twin, lm_head.is_linear)
    return packed if agree(lm_head, packed) else None


def agree(lm_head: LMHead, packed: LMHead) -> bool:
    """Whether a twin says of packed sequences what the model itself says of each alone."""
    reader = PackedReader(packed, [])
    try:
        reader.enter([read_prefix(lm_head, [0])] * 2)
        reader.read([StepInput([1, 0], 1, 1), StepInput([0], 1, 1)], False)
        found = reader.read([StepInput([1], 3, 1), StepInput([1, 1], 2, 2)], False).values
    except (CannotPack, RuntimeError):
        return False
    for pieces, states in zip(([0, 1, 0, 1], [0, 0, 1, 1]), found):
        ids = torch.tensor([pieces], device=lm_head.model.device)
        expected = lm_head.forward(1, False, input_ids=ids, use_cache=False).values[0, -1]
        tolerance = 1e-3 if lm_head.model.dtype == torch.float32 else 0.05
        if np.abs(states[-1] - expected).max() > tolerance * np.abs(expected).max():
            return False
    # A window that only the model's own mask knows would be lost in a long text.
    config = lm_head.model.config
    window = getattr(config, "sliding_window", None)
    return window is None or not getattr(config, "use_sliding_window", True) or window in reader.windows
