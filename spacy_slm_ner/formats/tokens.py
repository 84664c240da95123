"""The tokens of a Doc as answers write them."""

from dataclasses import dataclass
from typing import ClassVar, Self

from spacy.tokens import Doc

from .base import escape


@dataclass(frozen=True)
class WrittenTokens:
    """Tokens on one line each.

    words (tuple[str, ...]): Escaped texts.
    spaces (tuple[str, ...]): White space behind each, "" or " ".
    blank (tuple[bool, ...]): Whether each is white space, with which no entity begins.
    """

    # Characters that mean something in the format.
    special: ClassVar[str] = ""

    words: tuple[str, ...]
    spaces: tuple[str, ...]
    blank: tuple[bool, ...]

    @classmethod
    def of(cls, doc: Doc) -> Self:
        """Those of a Doc."""
        tokens = [(escape(token.text, cls.special), token.whitespace_, token.is_space) for token in doc]
        words, spaces, blank = zip(*tokens) if tokens else ((), (), ())
        return cls(words, spaces, blank)
