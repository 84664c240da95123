"""What a base that reads can do: tried when it is loaded, because names and signatures do not say it in every version."""

from typing import Any, Callable, List

import torch

from ...errors import BaseModelError

# Makes the mask that a model is given, from 1 for a piece and 0 for padding. Shape: (batch, length).
MakeMask = Callable[[torch.Tensor], torch.Tensor]


def plain_mask(padding: torch.Tensor) -> torch.Tensor:
    return padding


def check_reads_texts(model: Any) -> None:
    """RAISES (BaseModelError): If a model reads no texts, or not those of different lengths together; as `reads_together`."""
    try:
        reason = "" if reads_together(model) else "it reads padding as if it were text."
    except Exception as error:
        reason = str(error)
    if reason:
        raise BaseModelError(
            f"Got a {type(model).__name__} as a base that reads, but it is no encoder or decoder of texts: {reason} Name another "
            "base, such as distilbert/distilbert-base-cased."
        )


def reads_together(model: Any, make_mask: MakeMask = plain_mask) -> bool:
    """Whether a model finds of texts of different lengths, padded to one, what it finds of each alone.

    model (Any): As `AutoModel` gives it; it is in evaluation mode afterwards.
    RAISES (Exception): Any, if it reads no texts.
    """
    long, short = read(model, make_mask, [[0, 1, 0, 1], [1, 1, 0, 0]], [[1, 1, 1, 1], [1, 1, 0, 0]])
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.05
    for ids, found in (([0, 1, 0, 1], long), ([1, 1], short)):
        [expected] = read(model, make_mask, [ids], [[1] * len(ids)])
        if (found[: len(ids)] - expected).abs().max() > tolerance * expected.abs().max():
            return False
    return True


def sees_following(model: Any, make_mask: MakeMask = plain_mask) -> bool:
    """Whether the state of a piece depends on what follows; `model` as in `reads_together`."""
    one, other = (read(model, make_mask, [[0, 1, 0, last]], [[1, 1, 1, 1]]) for last in (0, 1))
    return not torch.equal(one[0, 0], other[0, 0])


@torch.inference_mode()
def read(model: Any, make_mask: MakeMask, ids: List[List[int]], padding: List[List[int]]) -> torch.Tensor:
    """Return the states of some pieces. Shape: (batch, length, width)."""
    device = model.device
    mask = make_mask(torch.tensor(padding, device=device))
    states: torch.Tensor = model.eval()(input_ids=torch.tensor(ids, device=device), attention_mask=mask).last_hidden_state
    return states.float()
