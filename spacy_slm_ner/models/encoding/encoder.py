"""A model of transformers that gives every token of a Doc a state."""

from dataclasses import dataclass, field
from typing import Any, Iterator, List, NamedTuple, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerFast

from ...errors import BaseModelError
from ..pretrained.adapters import base_of, for_use
from .bidirectional import full_mask
from .piece_alignment import PieceAlignment, Pooling, align_pieces, split_alignment, window_ranges
from .text_tokenizer import TextTokenizer, token_ranges


class EncodingOptions(NamedTuple):
    """How Docs are read.

    window (int): Most pieces of a text that are read at a time.
    overlap (int): Pieces that two windows of a long text share.
    pooling (Pooling): Which pieces of a token stand for it.
    bidirectional (bool): Whether a decoder's causal mask is off.
    batch_pieces (int): Most pieces, padding included, that are read at a time.
    echo (bool): Whether a window is read twice in a row, for the states of the second time, which know the whole window also in
        a model that sees what was before alone (Springer et al. 2024, "Repetition Improves Language Model Embeddings").
    """

    window: int
    overlap: int
    pooling: Pooling
    bidirectional: bool
    batch_pieces: int
    echo: bool = False


class EncoderWindow(NamedTuple):
    """A window of a Doc, as the model reads it.

    ids (list[int]): Piece ids, special ones included.
    alignment (PieceAlignment): Which columns make up which tokens, counted over all Docs.
    """

    ids: List[int]
    alignment: PieceAlignment


@dataclass
class Encoder:
    """A loaded model.

    model (Any): As `AutoModel` gives it, or a `PeftModel` around it.
    tokenizer (PreTrainedTokenizerFast): Its tokenizer.
    dtype (torch.dtype): The type that it computes in. Weights that are trained as a whole are kept in fp32 and cast.
    options (EncodingOptions): How Docs are read.
    frozen (bool): Whether nothing is trained.
    int8 (bool): Whether it is used with weights of eight bits.
    """

    model: Any
    tokenizer: PreTrainedTokenizerFast
    dtype: torch.dtype
    options: EncodingOptions
    frozen: bool = False
    int8: bool = False
    _in_use: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._pieces = TextTokenizer(self.tokenizer)

    @property
    def width(self) -> int:
        """Number of values of a state."""
        width: int = self.model.config.hidden_size
        return width

    def check_window(self) -> None:
        """RAISES (BaseModelError): If the model cannot read as many pieces at a time as it is to."""
        capacity = self._pieces.capacity(self.model.config)
        if capacity is not None and self.options.window * self._times > capacity:
            special = len(self._pieces.front) + len(self._pieces.back)
            raise BaseModelError(
                f"Got window = {self.options.window}, but the base reads {capacity + special} tokens of its tokenizer at a time, "
                f"special ones included{' and each of a text twice' if self.options.echo else ''}. Set a window of at most "
                f"{capacity // self._times}."
            )

    @property
    def _times(self) -> int:
        """How often a window is read."""
        return 2 if self.options.echo else 1

    def changed(self) -> None:
        """Forget what was computed with weights that have changed."""
        self._in_use = None

    def encode(self, docs: Sequence[Doc], is_train: bool) -> torch.Tensor:
        """States of all tokens of some Docs; a token without pieces, which is white space, has zeros.

        docs (Sequence[Doc]): The Docs, of any length.
        is_train (bool): Whether a gradient is wanted, with dropout.
        RETURNS (torch.Tensor): In fp32. Shape: (tokens, width).
        """
        learns = is_train and not self.frozen
        if not learns and self._in_use is None:
            self._in_use = for_use(self.model, self.dtype, self.int8)
        model = self.model.train() if learns else self._in_use.eval()
        windows = self.windows(docs)
        states = torch.zeros(sum(map(len, docs)), self.width, device=self.model.device)
        with torch.set_grad_enabled(learns):
            for batch in self._batches(windows):
                states = self._add(states, model, batch, learns)
        return states

    def windows(self, docs: Sequence[Doc]) -> List[EncoderWindow]:
        """Cut Docs into windows, in order."""
        found, tokens = [], 0
        words = [token_ranges(doc) for doc in docs]
        for own, (ids, offsets) in zip(words, self._pieces.encode([doc.text for doc in docs], words)):
            ranges = window_ranges(len(ids), self.options.window, self.options.overlap)
            alignment = align_pieces(offsets, own, self.options.pooling)
            for (start, end), (column, token, share) in zip(ranges, split_alignment(alignment, ranges)):
                framed = [*self._pieces.front, *ids[start:end].tolist() * self._times, *self._pieces.back]
                before = len(self._pieces.front) + (end - start) * (self._times - 1)
                found.append(EncoderWindow(framed, PieceAlignment(column + before, token + tokens, share)))
            tokens += len(own)
        return found

    def _batches(self, windows: Sequence[EncoderWindow]) -> Iterator[List[EncoderWindow]]:
        """Batch windows of like length."""
        batch: List[EncoderWindow] = []
        for window in sorted(windows, key=lambda window: len(window.ids)):
            if batch and len(window.ids) * (len(batch) + 1) > self.options.batch_pieces:
                yield batch
                batch = []
            batch.append(window)
        if batch:
            yield batch

    def _add(self, states: torch.Tensor, model: Any, batch: Sequence[EncoderWindow], learns: bool) -> torch.Tensor:
        """Add the hidden states of a batch of windows to those of their tokens; trained weights are in fp32 and may be cast."""
        device = states.device
        # What padding says is never read; a piece that every model knows is needed all the same.
        padding = self.tokenizer.pad_token_id or 0
        ids = pad_sequence([torch.tensor(window.ids) for window in batch], batch_first=True, padding_value=padding)
        lengths = torch.tensor([len(window.ids) for window in batch])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long().to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=learns and self.dtype == torch.bfloat16):
            attention_mask = full_mask(base_of(model), mask) if self.options.bidirectional else mask
            hidden = model(input_ids=ids.to(device), attention_mask=attention_mask).last_hidden_state
        columns = [window.alignment.piece + row * ids.shape[1] for row, window in enumerate(batch)]
        chosen = hidden.flatten(0, 1)[as_tensor(columns, device)].float()
        share = as_tensor([window.alignment.share for window in batch], device).float()
        return states.index_add(0, as_tensor([window.alignment.token for window in batch], device), chosen * share[:, None])


def as_tensor(parts: Sequence[NDArray], device: torch.device) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts)).to(device)
