"""The tokens of a Doc as answers write them."""

from dataclasses import dataclass
from typing import ClassVar, Optional, Self

from spacy.tokens import Doc

from .base import escape


@dataclass(frozen=True)
class WrittenTokens:
    """Tokens, each on one line.

    words (tuple[str, ...]): Escaped texts.
    spaces (tuple[str, ...]): White space after each token, "" or " ".
    is_space (tuple[bool, ...]): Whether each token is white space, with which no entity begins.
    """

    # Characters that have a meaning in the format.
    special: ClassVar[str] = ""

    words: tuple[str, ...]
    spaces: tuple[str, ...]
    is_space: tuple[bool, ...]

    @classmethod
    def from_doc(cls, doc: Doc) -> Self:
        """Write the tokens of a Doc."""
        tokens = [(cls.write(token.text), token.whitespace_, token.is_space) for token in doc]
        words, spaces, is_space = zip(*tokens) if tokens else ((), (), ())
        return cls(words, spaces, is_space)

    @classmethod
    def write(cls, text: str) -> str:
        """Escape the text of a token."""
        return escape(text, cls.special)

    def __len__(self) -> int:
        return len(self.words)

    def next_word(self, last: int) -> Optional[int]:
        """Return the next token after one that is not white space; None if there is none."""
        return next((i for i in range(last + 1, len(self)) if not self.is_space[i]), None)

    def join(self, start: int, end: int) -> str:
        """Write a range of tokens."""
        last = end - 1
        return "".join(self.words[i] + self.spaces[i] for i in range(start, last)) + self.words[last]
