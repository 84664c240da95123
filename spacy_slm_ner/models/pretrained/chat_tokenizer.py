"""Chats to piece ids and back."""

import json
import re
from typing import Any, NamedTuple, Optional, Sequence

from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from ...errors import BaseModelError
from ...formats.base import Message

SURROGATES = re.compile("[\ud800-\udfff]")
# What a tokenizer must give back as it was, in whatever parts it is encoded.
PROBE = ("6", ": B-TIME\n", " pm", "naïve", "[2]", "five o'clock")


class Prompt(NamedTuple):
    """Piece ids of a prompt, split where the user's text begins.

    prefix (tuple[int, ...]): The same for all texts under one task; never empty.
    suffix (tuple[int, ...]): The user's text and the opening of the answer; never empty.
    """

    prefix: tuple[int, ...]
    suffix: tuple[int, ...]


class Frame(NamedTuple):
    """A chat without its last content.

    prefix (tuple[int, ...]): Piece ids before it.
    suffix (tuple[Optional[tuple[int, ...]], ...]): Piece ids from there on, with None in its place.
    """

    prefix: tuple[int, ...]
    suffix: tuple[Optional[tuple[int, ...]], ...]


class ChatTokenizer:
    """Encodes chats such that what a user wrote is plain text: a chat marker in it is a row of ordinary pieces.

    tokenizer (PreTrainedTokenizerFast): Of the base. Its chat template is used where it has one.
    RAISES (BaseModelError): If it has no piece that ends a text, or does not write texts as the sum of their parts.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        if tokenizer.eos_token_id is None:
            raise BaseModelError("The tokenizer of the base names no eos_token, so no answer could end. Add one to its config.")
        self.tokenizer = tokenizer
        self.end: int = tokenizer.eos_token_id
        self._plain = Tokenizer.from_str(for_plain_segments(tokenizer.backend_tokenizer.to_str()))
        self._plain.encode_special_tokens = True
        self._plain.no_truncation()
        self._plain.no_padding()
        self._segments: dict[str, tuple[int, ...]] = {}
        self._frames: dict[tuple, Frame] = {}
        written = self.decode([piece for part in PROBE for piece in self.encode(part)])
        if not all(map(self.encode, PROBE)) or written.replace(" ", "") != "".join(PROBE).replace(" ", ""):
            raise BaseModelError(
                f"The tokenizer of the base writes {''.join(PROBE)!r} as {written!r}, so its answers could not be read. "
                "A base needs a tokenizer that keeps every character: byte-level BPE, or SentencePiece with byte fallback."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of the fast tokenizer would forget that it writes no special pieces.
        return ChatTokenizer, (self.tokenizer,)

    def encode(self, segment: str) -> tuple[int, ...]:
        """Encode a segment of an answer, which is what is remembered: the same words come again and again."""
        pieces = self._segments.get(segment)
        if pieces is None:
            if len(self._segments) > 100_000:
                self._segments.clear()
            pieces = self._segments[segment] = self.encode_plain(segment)
        return pieces

    def encode_plain(self, text: str) -> tuple[int, ...]:
        """Encode any text, without special pieces; a lone surrogate, which no tokenizer takes, is written as U+FFFD."""
        return tuple(self._plain.encode(SURROGATES.sub("\ufffd", text), add_special_tokens=False).ids)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Count the pieces of each text."""
        clean = [SURROGATES.sub("\ufffd", text) for text in texts]
        return [len(encoding.ids) for encoding in self._plain.encode_batch(clean, add_special_tokens=False)]

    def decode(self, pieces: Sequence[int]) -> str:
        return self._plain.decode(list(pieces), skip_special_tokens=False)

    def prompt(self, messages: Sequence[Message]) -> Prompt:
        """Encode a chat whose last turn is the user's.

        What stands around the last turn is remembered: it is the same for all texts under one task.
        """
        *before, last = messages
        key = (tuple((message["role"], message["content"]) for message in before), last["role"])
        frame = self._frames.get(key)
        if frame is None:
            if len(self._frames) > 1_000:
                self._frames.clear()
            frame = self._frames[key] = self._frame(messages)
        content = self.encode_plain(last["content"])
        suffix = tuple(piece for part in frame.suffix for piece in (content if part is None else part))
        return Prompt(frame.prefix or (self.end,), suffix or (self.end,))

    def _frame(self, messages: Sequence[Message]) -> "Frame":
        """Encode all but the last content of a chat.

        The template is rendered with a mark in place of each content, so that only the template can write special pieces.
        """
        marks = [f"\x02{number}\x03" for number in range(len(messages))]
        rendered = self._render([{"role": message["role"], "content": mark} for message, mark in zip(messages, marks)])
        given = {mark: message["content"] for mark, message in zip(marks[:-1], messages)}
        parts = [
            None if part == marks[-1] else self.encode_plain(given[part]) if part in given else self._encode_template(part)
            for part in re.split("(\x02[0-9]+\x03)", rendered)
        ]
        first = parts.index(None)
        return Frame(tuple(piece for part in parts[:first] if part for piece in part), tuple(parts[first:]))

    def _render(self, messages: list[dict[str, str]]) -> str:
        if not self.tokenizer.chat_template:
            return (self.tokenizer.bos_token or "") + "".join(f"{message['content']}\n\n" for message in messages)
        try:
            rendered = str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
        except TemplateError:
            rendered = ""
        if all(message["content"] in rendered for message in messages):
            return rendered
        # Some templates refuse a system turn, or leave it out.
        merged = [{"role": "user", "content": "\n\n".join(message["content"] for message in messages)}]
        rendered = str(self.tokenizer.apply_chat_template(merged, tokenize=False, add_generation_prompt=True))
        if not all(message["content"] in rendered for message in messages):
            raise BaseModelError(
                "The chat template of the base does not write what a turn says, so the model would not see the text. "
                "Give its tokenizer a template that writes message['content'], or none."
            )
        return rendered

    def _encode_template(self, part: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(part, add_special_tokens=False)) if part else ()


def for_plain_segments(settings: str) -> str:
    """Rewrite a tokenizer's settings for segments of a text.

    No space is put before them, as some tokenizers do; and all added tokens are special, as none may come out of a user's text.
    """

    def clean(value: Any) -> Any:
        if isinstance(value, list):
            return [clean(one) for one in value if not (isinstance(one, dict) and one.get("type") in ("Prepend", "Strip"))]
        if not isinstance(value, dict):
            return value
        if value.get("type") in ("Prepend", "Strip"):
            return None
        never = {"prepend_scheme": "never", "add_prefix_space": False}
        return {key: never[key] if key in never else clean(old) for key, old in value.items()}

    found = json.loads(settings)
    found.update({key: clean(found[key]) for key in ("normalizer", "pre_tokenizer", "decoder")})
    for token in found["added_tokens"]:
        token["special"] = True
        if found["model"]["type"] == "Unigram":
            # Its vocabulary may hold the markers as well; none is ever the best way to write a text.
            found["model"]["vocab"][token["id"]][1] = -1e6
    return json.dumps(found)
