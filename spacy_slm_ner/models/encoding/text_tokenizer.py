"""Tokenization of whole texts with offsets: nothing is cut off, and no part of a text becomes a special piece."""

import unicodedata
from itertools import chain
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Union, cast

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc, Span
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ..pretrained.chat_tokenizer import SURROGATES
from .piece_alignment import align_pieces

# Attributes of a token: its length, and whether a space is behind it.
SIZES = [LENGTH, SPACY]
# Models whose first position is the one behind their padding's.
COUNTS_FROM_PADDING = ("roberta", "xlm-roberta", "camembert", "longformer")


class TokenRanges(NamedTuple):
    """The tokens of texts, which are laid end to end with the white space behind each token.

    characters (NDArray): Start and end of each token, in characters. Shape: (tokens, 2).
    counts (NDArray): Number of tokens of each text. Shape: (texts,).
    firsts (NDArray): First character of each text. Shape: (texts,).
    """

    characters: NDArray
    counts: NDArray
    firsts: NDArray


class Pieces(NamedTuple):
    """The pieces of texts, which are laid end to end.

    ids (NDArray): Their ids. Shape: (pieces,).
    characters (NDArray): Start and end of each, as those of tokens. Ascending. Shape: (pieces, 2).
    counts (NDArray): Number of pieces of each text. Shape: (texts,).
    """

    ids: NDArray
    characters: NDArray
    counts: NDArray


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

    def encode(self, texts: Sequence[str], tokens: TokenRanges) -> Pieces:
        """Cut texts into pieces, without special ones.

        A token that the tokenizer drops, such as one of invisible characters, is read as the unknown piece, so that it has a
        state; a mark is part of the piece before it, as the second half of an emoji is. White space may have no piece.

        texts (Sequence[str]): The texts. Lone surrogates are read as U+FFFD.
        tokens (TokenRanges): Their tokens.
        RETURNS (Pieces): Their pieces.
        """
        encodings = self._plain.encode_batch([SURROGATES.sub("\ufffd", text) for text in texts], add_special_tokens=False)
        counts = np.array([len(encoding) for encoding in encodings], dtype=int)
        ids = np.fromiter(chain.from_iterable(encoding.ids for encoding in encodings), dtype=int)
        edges = chain.from_iterable(chain.from_iterable(encoding.offsets for encoding in encodings))
        characters = np.fromiter(edges, dtype=int).reshape(-1, 2) + np.repeat(tokens.firsts, counts)[:, None]
        return self._fill_gaps(Pieces(ids, characters, counts), texts, tokens)

    def _fill_gaps(self, pieces: Pieces, texts: Sequence[str], tokens: TokenRanges) -> Pieces:
        """Give tokens without a piece one."""
        has_none = np.ones(len(tokens.characters), dtype=bool)
        has_none[align_pieces(pieces.characters, tokens.characters, "mean").token] = False
        if not has_none.any():
            return pieces
        ids, characters, counts, unknown = pieces.ids, pieces.characters.copy(), pieces.counts.copy(), self._unknown
        owners = np.repeat(np.arange(len(texts)), tokens.counts)
        before = np.cumsum(counts) - counts
        new: List[Tuple[int, int, int]] = []
        for number in np.flatnonzero(has_none).tolist():
            text, (start, end) = int(owners[number]), tokens.characters[number].tolist()
            token = texts[text][start - tokens.firsts[text] : end - tokens.firsts[text]]
            place = int(np.searchsorted(characters[:, 0], start))
            if not token or token.isspace():
                continue
            if place > before[text] and is_mark(token[0]):
                characters[place - 1, 1] = end
            elif unknown is not None:
                new.append((place, start, end))
                counts[text] += 1
        if new and unknown is not None:
            places, *edges = zip(*new)
            ids, characters = np.insert(ids, places, unknown), np.insert(characters, places, np.transpose(edges), axis=0)
        return Pieces(ids, characters, counts)

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


def token_ranges(texts: Union[Sequence[Doc], Sequence[Span]]) -> TokenRanges:
    """Find the tokens of texts."""
    counts = np.array([len(text) for text in texts], dtype=int)
    # What Spans have is not in the stubs.
    sizes = [text.to_array(SIZES).reshape(-1, 2) for text in cast(Sequence[Doc], texts)]
    lengths, spaces = np.concatenate([np.zeros((0, 2), dtype=int), *sizes]).astype(int).T
    edges = np.concatenate([[0], np.cumsum(lengths + spaces)])
    return TokenRanges(np.stack([edges[:-1], edges[:-1] + lengths], axis=1), counts, edges[np.cumsum(counts) - counts])
