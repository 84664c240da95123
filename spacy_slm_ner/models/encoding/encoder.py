"""A model of transformers that gives every token of a Doc a state."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Sequence

import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import PreTrainedTokenizerFast

from ...errors import BaseModelError
from ..pretrained.adapters import base_of, for_use, train_adapters_alone
from ..pretrained.checkpointing import has_checkpointing
from .bidirectional import full_mask
from .encoder_input import CALL, EncoderBatch, EncoderInput, EncodingOptions
from .text_tokenizer import TextTokenizer

# What a batch costs beside its pieces with its gradient, beside without.
BACKWARD = 4
# Length from which on the plain attention is not trained with, as its matrices would be large.
LONG = 512


@dataclass
class Encoder:
    """A loaded model.

    model (Any): As `AutoModel` gives it, or a `PeftModel` around it.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    options (EncodingOptions): How Docs are read.
    frozen (bool): Whether nothing is trained.
    int8 (bool): Whether it is used with weights of eight bits.
    base_dropout (bool): Whether the dropout of the model itself, beside that of its adapter, is on in training.
    """

    model: Any
    tokenizer: PreTrainedTokenizerFast
    dtype: torch.dtype
    options: EncodingOptions
    frozen: bool = False
    int8: bool = False
    base_dropout: bool = True
    _in_use: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._pieces = TextTokenizer(self.tokenizer)
        self._casts = self.model.dtype != self.dtype
        self._checkpoints = has_checkpointing(self.model)

    @property
    def width(self) -> int:
        """Number of values of a state."""
        width: int = self.model.config.hidden_size
        return width

    def check_window(self) -> None:
        """RAISES (BaseModelError): If the model cannot read as many pieces at a time as it is to."""
        capacity = self._pieces.capacity(self.model.config)
        if capacity is not None and self.options.window * self.options.times > capacity:
            special = len(self._pieces.front) + len(self._pieces.back)
            raise BaseModelError(
                f"Got window = {self.options.window}, but the base reads {capacity + special} tokens of its tokenizer at a time, "
                f"special ones included{' and each of a text twice' if self.options.echo else ''}. Set a window of at most "
                f"{capacity // self.options.times}."
            )

    def changed(self) -> None:
        """Forget what was computed with weights that have changed."""
        self._in_use = None

    def encode(self, docs: Sequence[Doc], is_train: bool) -> torch.Tensor:
        """States of all tokens of some Docs; a token without pieces, which is white space, has zeros.

        docs (Sequence[Doc]): The Docs, of any length.
        is_train (bool): Whether a gradient is wanted, with dropout.
        RETURNS (torch.Tensor): In fp32. Shape: (tokens, width).
        """
        device, padding = self.model.device, self.tokenizer.pad_token_id
        learns = is_train and not self.frozen
        model = self._model(learns)
        states = torch.zeros(sum(map(len, docs)), self.width, device=device)
        read = EncoderInput(docs, self._pieces, self.options)
        most = self.options.batch_pieces
        call = CALL.get(device.type, most) * (BACKWARD if learns else 1)
        # What padding says is never read; a piece that every model knows is needed all the same.
        for batch in read.batches(most, call, 0 if padding is None else padding):
            with torch.set_grad_enabled(learns):
                parts = self._read(model, batch, learns)[as_tensor(batch.place, device)].float()
                states.index_add_(0, as_tensor(batch.token, device), parts * as_tensor(batch.share, device).float()[:, None])
        return states

    def _model(self, learns: bool) -> Any:
        """Return the model to read with, in its mode."""
        if learns:
            # Setting the mode takes a while, as peft has many modules.
            if not self.model.training or base_of(self.model).training != self.base_dropout:
                self.model.train()
                if not self.base_dropout:
                    train_adapters_alone(self.model)
            return self.model
        if self._in_use is None:
            self._in_use = for_use(self.model, self.dtype, self.int8)
        return self._in_use.eval() if self._in_use.training else self._in_use

    def _read(self, model: Any, batch: EncoderBatch, learns: bool) -> torch.Tensor:
        """Return the hidden states of a batch of windows. Shape: (windows * longest, width)."""
        device, longest = self.model.device, batch.ids.shape[1]
        mask = (torch.arange(longest) < as_tensor(batch.lengths, "cpu")[:, None]).long().to(device)
        # On a processor, for short texts, the plain attention has the faster gradient. What is computed twice must be computed in
        # the same way, and the second time comes after this pass.
        is_short = learns and device.type == "cpu" and longest <= LONG and not self._checkpoints
        with (
            # Weights that are trained as a whole are in fp32.
            torch.autocast(device.type, torch.bfloat16, enabled=learns and self._casts),
            sdpa_kernel(SDPBackend.MATH) if is_short else nullcontext(),
        ):
            attention_mask = full_mask(base_of(model), mask) if self.options.bidirectional else mask
            hidden: torch.Tensor = model(input_ids=as_tensor(batch.ids, device), attention_mask=attention_mask).last_hidden_state
        return hidden.flatten(0, 1)


def as_tensor(values: NDArray, device: Any) -> torch.Tensor:
    return torch.from_numpy(values).to(device)
