"""One pass over the texts of a training batch, to what their decisions are made of."""

from contextlib import contextmanager, suppress
from typing import Any, Iterator, NamedTuple, Optional, Sequence

import torch
from torch.nn import Linear, functional
from torch.nn.utils.rnn import pad_sequence

from ..pretrained.adapters import base_of
from ..pretrained.checkpointing import has_checkpointing
from .attention_backend import NAME, CannotPack, attention
from .capabilities import Capabilities
from .lm_head import projected_at
from .packed_reader import round_up
from .packed_texts import PackedTexts

# Length from which on the plain attention is not trained with.
LONG = 512


class LastStates(NamedTuple):
    """What was read up to some places, projected to the pieces that are asked for.

    values (torch.Tensor): Hidden states, or logits. With a gradient. Shape: (places, values).
    output (Optional[Linear]): Projects hidden states; None if the values are logits already.
    """

    values: torch.Tensor
    output: Optional[Linear]

    def logits(self, pieces: Optional[torch.Tensor]) -> torch.Tensor:
        """Logits of some pieces, or of the whole vocabulary. Shape, in fp32: (places, pieces)."""
        if self.output is None:
            return self.values.float() if pieces is None else self.values[:, pieces].float()
        if pieces is None:
            return self.output(self.values).float()
        bias = None if self.output.bias is None else self.output.bias[pieces].float()
        with torch.autocast(self.values.device.type, enabled=False):
            return functional.linear(self.values.float(), functional.embedding(pieces, self.output.weight).float(), bias)

    def part(self, places: slice) -> "LastStates":
        return self._replace(values=self.values[places])


class TrainingBatch(NamedTuple):
    """The texts of a batch.

    sequences (Sequence[Sequence[int]]): Piece ids of each.
    shared (Sequence[int]): Number of first pieces of each that are the same for all texts under one task.
    """

    sequences: Sequence[Sequence[int]]
    shared: Sequence[int]


def read_states(
    model: Any, capabilities: Capabilities, batch: TrainingBatch, rows: Sequence[int], columns: Sequence[int]
) -> LastStates:
    """Read the texts of a batch.

    model (Any): A causal language model of transformers, or a `PeftModel` around it.
    capabilities (Capabilities): What it can do.
    rows (Sequence[int]): Texts of the places that are asked for.
    columns (Sequence[int]): Their places in the texts.
    """
    # What is computed twice must be computed in the same way, and the second time comes after this pass.
    if capabilities.is_packable and not has_checkpointing(model):
        # Some models leave out parts of their attention in training.
        with suppress(CannotPack):
            return read_packed(model, capabilities, batch, rows, columns)
    return read_padded(model, batch, rows, columns)


def read_packed(
    model: Any, capabilities: Capabilities, batch: TrainingBatch, rows: Sequence[int], columns: Sequence[int]
) -> LastStates:
    """Read texts as one row."""
    base, device = base_of(model), model.device
    texts = PackedTexts(*batch)
    texts.fill(round_up(len(texts.pieces), next(base.parameters())))
    places = torch.tensor([texts.place(row, column) for row, column in zip(rows, columns)], device=device)
    ids = torch.tensor([texts.pieces], device=device)
    inputs: dict[str, Any] = {"input_ids": ids, "position_ids": torch.tensor([texts.positions], device=device)}
    # Not looked at, but without one older versions of transformers make one of all pieces by all pieces.
    inputs |= {"attention_mask": ids.new_ones(1, 1, 1, 1), "use_cache": False}
    with attention_named(base, NAME), attention(texts.attend):
        output = base.get_output_embeddings()
        if capabilities.is_linear and type(output) is Linear:
            return LastStates(base.base_model(**inputs).last_hidden_state[0, places], output)
        with projected_at(output, slice(None), places):
            return LastStates(base(**inputs).logits[0], None)


def read_padded(model: Any, batch: TrainingBatch, rows: Sequence[int], columns: Sequence[int]) -> LastStates:
    """Read texts beside each other, padded to the longest."""
    device = model.device
    ids = pad_sequence([torch.tensor(sequence, dtype=torch.long) for sequence in batch.sequences], batch_first=True)
    lengths = torch.tensor([len(sequence) for sequence in batch.sequences])
    mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
    places = torch.tensor(rows, device=device)[None], torch.tensor(columns, device=device)[None]
    with (
        projected_at(model.get_output_embeddings(), *places),
        attention_named(model, fast_attention(model, ids.shape[1])),
    ):
        return LastStates(model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False).logits[0], None)


@contextmanager
def attention_named(model: Any, name: str) -> Iterator[None]:
    """Let a model attend by another function that transformers knows."""
    before = model.config._attn_implementation
    model.config._attn_implementation = name
    try:
        yield
    finally:
        model.config._attn_implementation = before


def fast_attention(model: Any, length: int) -> str:
    """Name the attention whose gradient is the faster one: on a CPU, for short sequences, that is the plain one. For long ones it
    would hold too large matrices.

    length (int): Of the sequences.
    """
    before: str = model.config._attn_implementation
    is_short = model.device.type == "cpu" and length <= LONG and not has_checkpointing(model)
    return "eager" if before == "sdpa" and is_short else before
