"""What a causal language model can do: tried when it is loaded, because names and signatures do not say it in every version."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional

from ...errors import BaseModelError
from .attention_backend import twin_with_our_attention
from .batch_reader import BatchReader, StepInput, read_prefix
from .kv_cache import find_cache_argument
from .lm_head import LMHead
from .packed_reader import PackedReader
from .padded_reader import PaddedReader


class Capabilities(NamedTuple):
    """What was found out about a model.

    cache_argument (str): What it calls its cache.
    is_linear (bool): Whether its logits are a linear function of its last states; some models bound or scale them.
    is_packable (bool): Whether a `PackedReader` may take the place of its attention.
    """

    cache_argument: str
    is_linear: bool
    is_packable: bool


@torch.inference_mode()
def try_capabilities(model: Any) -> Capabilities:
    """Find out what a model can do.

    model (Any): A causal language model of transformers; it is in evaluation mode afterwards.
    RAISES (BaseModelError): If it does not read sequences of different lengths together as it reads each alone.
    """
    model.eval()
    try:
        lm_head = LMHead(model, find_cache_argument(model), is_linear(model))
        together = reads_alike(lm_head, PaddedReader(lm_head))
    except Exception as error:
        raise cannot_read(model, str(error)) from error
    if not together:
        raise cannot_read(model, "two texts are not read together as each is read alone")
    return Capabilities(lm_head.cache_argument, lm_head.is_linear, is_packable(lm_head))


def cannot_read(model: Any, reason: str) -> BaseModelError:
    return BaseModelError(
        f"Got a {type(model).__name__} as a base that writes, but it cannot be decoded in batches: {reason}. Name a decoder of "
        "another kind, such as HuggingFaceTB/SmolLM2-135M-Instruct."
    )


def is_linear(model: Any) -> bool:
    """Whether nothing happens to the logits of a model behind their projection."""
    if model.base_model is model:
        return False
    ids, output = torch.tensor([[0, 1]], device=model.device), model.get_output_embeddings()
    states = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    expected = functional.linear(states.contiguous(), output.weight, output.bias)
    return torch.equal(model(input_ids=ids, use_cache=False).logits, expected)


def reads_alike(lm_head: LMHead, reader: BatchReader) -> bool:
    """Whether a reader finds of sequences that are read together, step by step, what their model finds of each alone.

    lm_head (LMHead): Of the model.
    """
    reader.enter([read_prefix(lm_head, [0])] * 2)
    reader.read([StepInput([1, 0], 1, 1), StepInput([0], 1, 1)], False)
    reader.keep([0, 1])
    found = reader.read([StepInput([1], 3, 1), StepInput([1, 1], 2, 2)], False).values
    for pieces, values in zip(([0, 1, 0, 1], [0, 0, 1, 1]), found):
        ids = torch.tensor([pieces], device=lm_head.model.device)
        expected = lm_head.forward(1, False, input_ids=ids).values[0, -1]
        tolerance = 1e-3 if lm_head.model.dtype == torch.float32 else 0.05
        if np.abs(values[-1] - expected).max() > tolerance * np.abs(expected).max():
            return False
    return True


def is_packable(lm_head: LMHead) -> bool:
    """Whether a `PackedReader`, which takes the place of a model's attention, changes nothing of what it finds."""
    config = lm_head.model.config
    twin = LMHead(twin_with_our_attention(lm_head.model), lm_head.cache_argument, lm_head.is_linear)
    reader = PackedReader(twin, [])
    try:
        alike = reads_alike(lm_head, reader)
    except Exception:
        # Models that do not ask for an attention by its name, or ask for more than ours does, end in errors of many kinds.
        return False
    # A window or a chunk that only the model's own mask knows would be lost in a long text.
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return alike and not getattr(config, "attention_chunk_size", None) and (window is None or window in reader.windows)
