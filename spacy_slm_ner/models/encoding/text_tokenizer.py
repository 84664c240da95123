"""Tokenization of whole texts with offsets: nothing is cut off, and no part of a text becomes a special piece."""

import unicodedata
from typing import Any, Iterator, List, NamedTuple, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, Span
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ..pretrained.chat_tokenizer import SURROGATES
from .piece_alignment import align_pieces

# Models whose first position is the one behind their padding's.
COUNTS_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "longformer")


class Pieces(NamedTuple):
    """A text as pieces.

    ids (NDArray): Their ids. Shape: (pieces,).
    offsets (NDArray): Start and end of each, in characters of the text. Ascending. Shape: (pieces, 2).
    """

    ids: NDArray
    offsets: NDArray


class TextTokenizer:
    """Cuts texts into pieces, whatever a tokenizer is set to do about long ones, and whatever other threads do.

    A tokenizer of transformers keeps its padding and its truncation as a state that each call may change, so two threads get
    into each other's way. This one works on a copy whose state never changes.

    tokenizer (PreTrainedTokenizerFast): Of the model. `front` and `back` are the ids that it puts around every text.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._plain = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        self._plain.encode_special_tokens = True
        self._plain.no_truncation()
        self._plain.no_padding()
        self._unknown: Optional[int] = tokenizer.unk_token_id
        self.front, self.back = special_pieces(tokenizer)

    def encode(self, texts: Sequence[str], tokens: Sequence[NDArray]) -> Iterator[Pieces]:
        """Cut texts into pieces.

        texts (Sequence[str]): The texts. Lone surrogates are read as U+FFFD.
        tokens (Sequence[NDArray]): Start and end of each token of a text, in characters. Shape of each: (tokens, 2).
        YIELDS (Pieces): Of each text, without special pieces. A token that the tokenizer drops, such as one of invisible
            characters, is read as the unknown piece, so that it has a state; a mark is part of the piece before it, as the
            second half of an emoji is. White space may have no piece.
        """
        encodings = self._plain.encode_batch([SURROGATES.sub("\ufffd", text) for text in texts], add_special_tokens=False)
        for text, encoding, ranges in zip(texts, encodings, tokens):
            pieces = Pieces(np.array(encoding.ids, dtype=int), np.array(encoding.offsets, dtype=int).reshape(-1, 2))
            yield self._fill_gaps(pieces, text, ranges)

    def _fill_gaps(self, pieces: Pieces, text: str, tokens: NDArray) -> Pieces:
        empty = np.setdiff1d(np.arange(len(tokens)), align_pieces(pieces.offsets, tokens, "mean").token)
        ids, offsets = pieces.ids, pieces.offsets.copy()
        for start, end in tokens[[i for i in empty if not text[slice(*tokens[i])].isspace()]][::-1].tolist():
            place = int(np.searchsorted(offsets[:, 0], start))
            if place and is_mark(text[start]):
                offsets[place - 1, 1] = end
            elif self._unknown is not None:
                ids = np.insert(ids, place, self._unknown)
                offsets = np.insert(offsets, place, (start, end), axis=0)
        return Pieces(ids, offsets)

    def capacity(self, config: Any) -> Optional[int]:
        """Return how many pieces of a text a model reads at a time, without the special ones; None if any number.

        config (Any): Of the model, as transformers has it.
        """
        most: Optional[int] = getattr(config, "max_position_embeddings", None)
        if most is not None and config.model_type in COUNTS_FROM_PADDING:
            most -= config.pad_token_id + 1
        return None if most is None else most - len(self.front) - len(self.back)


def is_mark(char: str) -> bool:
    """Whether a character changes the one before it, such as an accent or a selector of a variant."""
    return unicodedata.category(char).startswith("M")


def special_pieces(tokenizer: PreTrainedTokenizerFast) -> tuple[List[int], List[int]]:
    """Return the ids that a tokenizer puts before and behind every text."""
    bare, whole = (tokenizer("a", add_special_tokens=special)["input_ids"] for special in (False, True))
    start = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
    return whole[:start], whole[start + len(bare) :]


def token_ranges(tokens: Union[Doc, Span]) -> NDArray:
    """Return start and end of each token, in characters of the Doc, or of the span. Shape: (tokens, 2)."""
    first = tokens[0].idx if len(tokens) else 0
    starts = np.array([token.idx - first for token in tokens], dtype=int)
    ends = starts + np.array([len(token) for token in tokens], dtype=int)
    return np.stack([starts, ends], axis=1).reshape(-1, 2)
