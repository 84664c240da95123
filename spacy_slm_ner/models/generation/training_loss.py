"""The loss of a causal language model over the decisions of right answers."""

from contextlib import contextmanager
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from ..pretrained.checkpointing import has_checkpointing

# Length from which on the plain attention is not trained with.
LONG = 512


class Decision(NamedTuple):
    """A piece that had alternatives.

    place (int): Its place in the sequence.
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
    """

    pieces: list[int]
    decisions: list[Decision]


def negative_log_likelihood(model: Any, dtype: torch.dtype, examples: Sequence[TrainingExample]) -> torch.Tensor:
    """Sum the losses of the decisions of each example, in nats.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    dtype (torch.dtype): The type that it computes in.
    RETURNS (torch.Tensor): With a gradient. Shape: (examples,).
    """
    made = [(row, decision) for row, example in enumerate(examples) for decision in example.decisions]
    if not made:
        return torch.zeros(len(examples), device=model.device, requires_grad=True)
    constrained = [(row, decision) for row, decision in made if decision.allowed is not None]
    free = [(row, decision) for row, decision in made if decision.allowed is None]
    rows, decisions = zip(*constrained, *free)
    # The piece at a place is decided by the logits of the place before it.
    columns = [decision.place - 1 for decision in decisions]
    logits = logits_at(model, dtype, [example.pieces[:-1] for example in examples], rows, columns)
    edge = len(constrained)
    losses = torch.cat([loss_among_allowed(logits[:edge], decisions[:edge]), loss_among_all(logits[edge:], decisions[edge:])])
    weights = torch.tensor([decision.weight for decision in decisions], device=losses.device)
    owners = torch.tensor(rows, device=losses.device, dtype=torch.long)
    return logits.new_zeros(len(examples)).index_add(0, owners, losses * weights)


def logits_at(
    model: Any, dtype: torch.dtype, sequences: Sequence[Sequence[int]], rows: Sequence[int], columns: Sequence[int]
) -> torch.Tensor:
    """Compute the logits at some places of sequences.

    rows (Sequence[int]): Sequence of each place.
    columns (Sequence[int]): Column of each place.
    RETURNS (torch.Tensor): In fp32. Shape: (places, vocabulary).
    """
    device = model.device
    ids = pad_sequence([torch.tensor(sequence, dtype=torch.long) for sequence in sequences], batch_first=True)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    # Weights that are trained as a whole are kept in fp32 and cast.
    is_cast = next(model.parameters()).dtype != dtype
    with (
        projected_at(model, torch.tensor(rows, device=device), torch.tensor(columns, device=device)),
        torch.autocast(device.type, torch.bfloat16, enabled=is_cast),
        fast_attention(model, ids.shape[1]),
    ):
        output = model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    logits: torch.Tensor = output.logits[0].float()
    return logits


@contextmanager
def projected_at(model: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
    """Let a model project only some places to its vocabulary, which is large where decisions are few.

    The logits then have the shape (1, places, vocabulary).
    """
    lm_head = model.get_output_embeddings()
    hook = lm_head.register_forward_pre_hook(lambda module, args: (args[0][rows, columns][None],))
    try:
        yield
    finally:
        hook.remove()


@contextmanager
def fast_attention(model: Any, length: int) -> Iterator[None]:
    """Train with the attention whose gradient is the faster one: on a CPU, for short sequences, that is the plain one. For long
    ones it would hold too large matrices.

    length (int): Of the sequences.
    """
    before = model.config._attn_implementation
    # What is computed twice must be computed in the same way, and the second time comes later.
    twice = has_checkpointing(model)
    if before == "sdpa" and not twice and model.device.type == "cpu" and length <= LONG:
        model.config._attn_implementation = "eager"
    try:
        yield
    finally:
        model.config._attn_implementation = before


def loss_among_all(logits: torch.Tensor, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among the whole vocabulary. Shape: (decisions, vocabulary) -> (decisions,)."""
    right = torch.tensor([decision.piece for decision in decisions], device=logits.device, dtype=torch.long)
    return functional.cross_entropy(logits, right, reduction="none")


def loss_among_allowed(logits: torch.Tensor, decisions: Sequence[Decision]) -> torch.Tensor:
    """Negative log-likelihood of decisions among the allowed pieces. Shape: (decisions, vocabulary) -> (decisions,)."""
    if not decisions:
        return logits[:0, 0]
    right = torch.tensor([decision.piece for decision in decisions], device=logits.device)
    sets = [torch.tensor(decision.allowed) for decision in decisions]
    allowed = pad_sequence(sets, batch_first=True, padding_value=-1).to(logits.device)
    among = logits.gather(1, allowed.clamp(min=0)).masked_fill(allowed < 0, -torch.inf)
    return among.logsumexp(dim=1) - logits.gather(1, right[:, None]).squeeze(1)
