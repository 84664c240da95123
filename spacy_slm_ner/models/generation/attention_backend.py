"""An attention function of this package, registered with transformers, whose models take it by its name."""

from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from typing import Any, Callable, Iterator, Optional

import torch

from ..pretrained.int8 import Int8Linear

try:
    from transformers import AttentionInterface
except ImportError:  # before transformers 4.50
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    register = ALL_ATTENTION_FUNCTIONS.__setitem__
else:
    register = AttentionInterface.register

NAME = "spacy_slm_ner_packed"

# Attention of one layer: its number, query, key, value, scaling, and window (see `PackedReader.attend`).
Attend = Callable[[int, torch.Tensor, torch.Tensor, torch.Tensor, Optional[float], Optional[int]], torch.Tensor]
# Threads may read with the same model at the same time, each with a batch of its own.
ATTEND: ContextVar[Attend] = ContextVar("ATTEND")


class CannotPack(Exception):
    """A model's attention does more than ours."""


@contextmanager
def attention(attend: Attend) -> Iterator[None]:
    """Let models of this thread whose attention is `NAME` attend by a function."""
    token = ATTEND.set(attend)
    try:
        yield
    finally:
        ATTEND.reset(token)


def attend_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Optional[torch.Tensor],
    scaling: Optional[float] = None,
    sliding_window: Optional[int] = None,
    softcap: Optional[float] = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as transformers asks for it. RAISES (CannotPack): If more is asked than ours does."""
    if softcap is not None or others.get("s_aux") is not None or others.get("dropout"):
        raise CannotPack
    return ATTEND.get()(module.layer_idx, query, key, value, scaling, sliding_window), None


def twin_with_our_attention(model: Any) -> Any:
    """Make another model of the same weights which attends as `attention` says. Those that know no other attention than their
    own stay as they are."""
    layers = [layer for layer in model.modules() if isinstance(layer, Int8Linear)]
    twin = deepcopy(model, {id(shared): shared for shared in (*model.parameters(), *model.buffers(), *layers)}).eval()
    twin.config._attn_implementation = NAME
    return twin


register(NAME, attend_packed)
