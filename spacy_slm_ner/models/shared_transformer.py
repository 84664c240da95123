"""A model of transformers inside spacy-transformers, for any text, thread and process."""

import threading
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from spacy_transformers.data_classes import FullTransformerBatch, HFObjects, WordpieceBatch
from spacy_transformers.layers import TransformerModel
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
from spacy_transformers.util import maybe_flush_pytorch_cache
from thinc.api import ArgsKwargs, Optimizer
from thinc.types import Ragged
from transformers import PreTrainedTokenizerFast

from .encoding.piece_alignment import align_pieces, count_up, window_ranges
from .encoding.text_tokenizer import TextTokenizer, token_ranges
from .pretrained.adapters import for_use
from .pretrained.fork_safety import guard_forks
from .pretrained.precision import torch_dtype

# Part of a window that the next one shares, where a span has more pieces than the model reads at a time.
OVERLAP = 0.25
_switching = threading.Lock()


class SharedModelShim(HFShim):
    """Computes without changing what other threads see, and keeps a tokenizer that they can share.

    precision (str): What the model computes in when it is used, see `torch_dtype`.
    settings (Any): As `HFShim` takes them.
    """

    _shared: Optional[Tuple[PreTrainedTokenizerFast, TextTokenizer]] = None
    _in_use: Any = None

    def __init__(self, objects: HFObjects, precision: str = "fp32", **settings: Any) -> None:
        self._precision = precision
        super().__init__(objects, **settings)

    @property
    def pieces(self) -> TextTokenizer:
        """Cuts texts into pieces of the model."""
        tokenizer, shared = self._hfmodel.tokenizer, self._shared
        if shared is None or shared[0] is not tokenizer:
            shared = self._shared = (tokenizer, TextTokenizer(tokenizer))
        return shared[1]

    def predict(self, inputs: ArgsKwargs) -> Any:
        """Compute in evaluation mode, and stay in it: the next update switches back."""
        with _switching:
            if self._in_use is None:
                self._in_use = for_use(self._model, torch_dtype(self._precision, self.device))
            if self._in_use.training:
                self._in_use.eval()
        with torch.no_grad(), torch.autocast(device_type="cuda", enabled=self._mixed_precision):
            output = self._in_use(*inputs.args, **inputs.kwargs)
        for name, value in output.items():
            # Others are those that `transformer_config` asks for; thinc has no arrays in half precision.
            output[name] = value.float() if torch.is_tensor(value) else tuple(part.float() for part in value)
        return output

    def changed(self) -> None:
        """Forget what was made of weights that have changed."""
        self._in_use = None

    def finish_update(self, optimizer: Optimizer) -> None:
        super().finish_update(optimizer)
        self.changed()

    @contextmanager
    def use_params(self, params: Any) -> Iterator[None]:
        with super().use_params(params):
            self.changed()
            yield
        self.changed()

    def to_device(self, device_type: str, device_id: int) -> None:
        super().to_device(device_type, device_id)
        self.changed()

    def from_bytes(self, bytes_data: bytes) -> "SharedModelShim":
        super().from_bytes(bytes_data)
        self.changed()
        guard_forks()
        return self


def init(model: TransformerModel, X: Any = None, Y: Any = None) -> None:
    """Load the pretrained model, if there is none yet."""
    if not model.attrs["has_transformer"]:
        guard_forks()
        settings = model._init_tokenizer_config, model._init_transformer_config
        model.attrs["set_transformer"](model, huggingface_from_pretrained(model.attrs["name"], *settings))


def forward(model: TransformerModel, docs: List[Doc], is_train: bool) -> Tuple[FullTransformerBatch, Callable]:
    """Read a batch of Docs."""
    # Draws a random number, as spacy-transformers does: the texts of an epoch then have the same order for a seed.
    maybe_flush_pytorch_cache(chance=model.attrs["flush_cache_chance"])
    rows = list(read_rows(docs, model.attrs["get_spans"](docs), model))
    wordpieces = to_wordpieces(rows, model.tokenizer)
    output, backprop = model.layers[0](wordpieces, is_train)
    spans: List[List[Span]] = [[] for _ in docs]
    for row in rows:
        spans[row.doc].append(row.span)
    align = align_tokens(rows, wordpieces.input_ids.shape[1], sum(len(doc) for doc, own in zip(docs, spans) if own))

    def backprop_batch(gradient: FullTransformerBatch) -> List[Doc]:
        backprop(gradient.model_output)
        return docs

    return FullTransformerBatch(spans=spans, wordpieces=wordpieces, model_output=output, align=align), backprop_batch


class EncodedSpan(NamedTuple):
    """A row of the batch: a span, or a window of one.

    doc (int): Number of its Doc in the batch.
    span (Span): The span.
    ids (List[int]): Piece ids, special ones included.
    column (NDArray): Places of pieces in the row, ...
    token (NDArray): ... and the token that each is a part of, counted over all Docs that have spans.
    """

    doc: int
    span: Span
    ids: List[int]
    column: NDArray
    token: NDArray


def read_rows(docs: Sequence[Doc], nested: Sequence[Sequence[Span]], model: TransformerModel) -> Iterator[EncodedSpan]:
    """Cut the spans of Docs into pieces, and into windows where the model reads fewer at a time."""
    tokenizer = model.layers[0].shims[0].pieces
    capacity = tokenizer.capacity(model.transformer.config)
    flat = [(number, span) for number, spans in enumerate(nested) for span in spans]
    firsts = np.cumsum([0, *(len(doc) if spans else 0 for doc, spans in zip(docs, nested))])
    tokens = token_ranges([span for _, span in flat])
    pieces = tokenizer.encode([span.text for _, span in flat], tokens)
    piece, token, _ = align_pieces(pieces.characters, tokens.characters, "mean")
    # Numbers of tokens in Docs instead of spans.
    starts = np.array([firsts[number] + span.start for number, span in flat], dtype=int)
    token = (np.repeat(starts, tokens.counts) + count_up(tokens.counts))[token]
    before = np.cumsum(pieces.counts) - pieces.counts
    for (number, span), first, count in zip(flat, before, pieces.counts):
        for start, end in first + windows(count, capacity):
            low, high = np.searchsorted(piece, (start, end))
            framed = [*tokenizer.front, *pieces.ids[start:end].tolist(), *tokenizer.back]
            yield EncodedSpan(number, span, framed, piece[low:high] - start + len(tokenizer.front), token[low:high])


def windows(pieces: int, capacity: Optional[int]) -> NDArray:
    """Start and end of each window of a span. A span without pieces has an empty one. Shape: (windows, 2)."""
    if capacity is None or pieces <= capacity:
        return np.array([[0, pieces]])
    return window_ranges(np.array([pieces]), capacity, int(capacity * OVERLAP))


def to_wordpieces(rows: Sequence[EncodedSpan], tokenizer: PreTrainedTokenizerFast) -> WordpieceBatch:
    """Pad rows to one length."""
    lengths = [len(row.ids) for row in rows]
    shape = len(rows), max(lengths)
    inside = np.arange(shape[1]) < np.array(lengths)[:, None]
    ids = np.full(shape, tokenizer.pad_token_id or 0)
    ids[inside] = np.concatenate([row.ids for row in rows])
    types = np.zeros(shape, dtype=ids.dtype) if "token_type_ids" in tokenizer.model_input_names else None
    strings = [tokenizer.convert_ids_to_tokens(row) for row in ids.tolist()]
    return WordpieceBatch(strings, ids, inside.astype("f"), lengths, types)  # type: ignore[arg-type]


def align_tokens(rows: Sequence[EncodedSpan], columns: int, tokens: int) -> Ragged:
    """List the pieces of each token, as places in the batch of all rows laid end to end; a token may be in several rows."""
    place = np.concatenate([row.column + number * columns for number, row in enumerate(rows)])
    token = np.concatenate([row.token for row in rows])
    order = np.lexsort((place, token))
    return Ragged(place[order].astype("i"), np.bincount(token, minlength=tokens).astype("i"))  # type: ignore[arg-type]
