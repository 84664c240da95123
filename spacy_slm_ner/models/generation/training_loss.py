"""The loss of a causal language model over the decisions of right answers."""

from typing import Any, NamedTuple, Optional, Sequence

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from .capabilities import Capabilities
from .training_pass import LastStates, TrainingBatch, read_states


class Decision(NamedTuple):
    """A piece that had alternatives.

    place (int): Its place in the sequence. What is chosen silently has that of the next piece.
    piece (int): The right piece.
    allowed (Optional[Sequence[int]]): All that were allowed; None for the whole vocabulary.
    weight (float): Of its loss.
    """

    place: int
    piece: int
    allowed: Optional[Sequence[int]]
    weight: float = 1.0


class TrainingExample(NamedTuple):
    """A prompt with its right answer.

    pieces (list[int]): Piece ids of both.
    decisions (list[Decision]): What is learned of them.
    shared (int): Number of first pieces that are the same for all texts under one task.
    """

    pieces: list[int]
    decisions: list[Decision]
    shared: int


def negative_log_likelihood(
    model: Any, dtype: torch.dtype, capabilities: Capabilities, examples: Sequence[TrainingExample]
) -> torch.Tensor:
    """Sum the losses of the decisions of each example, in nats.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    dtype (torch.dtype): The type that it computes in.
    capabilities (Capabilities): What it can do.
    RETURNS (torch.Tensor): With a gradient. Shape: (examples,).
    """
    made = [(row, decision) for row, example in enumerate(examples) for decision in example.decisions]
    if not made:
        return torch.zeros(len(examples), device=model.device, requires_grad=True)
    constrained = [(row, decision) for row, decision in made if decision.allowed is not None]
    free = [(row, decision) for row, decision in made if decision.allowed is None]
    rows, decisions = zip(*constrained, *free)
    batch = TrainingBatch([example.pieces[:-1] for example in examples], [example.shared for example in examples])
    # Weights that are trained as a whole are kept in fp32 and cast.
    is_cast = next(model.parameters()).dtype != dtype
    with torch.autocast(model.device.type, torch.bfloat16, enabled=is_cast):
        # The piece at a place is decided by what was read up to the place before it.
        states = read_states(model, capabilities, batch, rows, [decision.place - 1 for decision in decisions])
        edge = len(constrained)
        among = loss_among_allowed(states.part(slice(edge)), decisions[:edge])
        losses = torch.cat([among, loss_among_all(states.part(slice(edge, None)), decisions[edge:])])
    weights = torch.tensor([decision.weight for decision in decisions], device=losses.device)
    owners = torch.tensor(rows, device=losses.device, dtype=torch.long)
    return losses.new_zeros(len(examples)).index_add(0, owners, losses * weights)


def loss_among_all(states: LastStates, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among the whole vocabulary. Shape: (decisions,)."""
    if not decisions:
        return states.values.new_zeros(0, dtype=torch.float32)
    right = torch.tensor([decision.piece for decision in decisions], device=states.values.device)
    return functional.cross_entropy(states.logits(None), right, reduction="none")


def loss_among_allowed(states: LastStates, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among the allowed pieces. Shape: (decisions,)."""
    if not decisions:
        return states.values.new_zeros(0, dtype=torch.float32)
    sets = [torch.tensor([decision.piece, *(decision.allowed or ())]) for decision in decisions]
    padded = pad_sequence(sets, batch_first=True, padding_value=-1).to(states.values.device)
    # All that is allowed anywhere is projected at once, which is a few hundred pieces.
    pieces, columns = padded.clamp(min=0).unique(return_inverse=True)
    logits = states.logits(pieces).gather(1, columns)
    among = logits[:, 1:].masked_fill(padded[:, 1:] < 0, -torch.inf)
    return among.logsumexp(dim=1) - logits[:, 0]
