"""Tokens in string literals of JSON and Python, and the places of a string among them."""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Iterator, Optional, Self

from spacy.tokens import Doc

from .earlier_place import earlier_token
from .tokens import WrittenTokens


def escape_in_quotes(text: str) -> str:
    """Write a text as it stands between the double quotes of a literal, of JSON or of Python: both read it alike."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def quote(text: str) -> str:
    """Write a text as a literal, of JSON or of Python."""
    return f'"{escape_in_quotes(text)}"'


class QuotedTokens(WrittenTokens):
    """Tokens as they stand in a literal."""

    @classmethod
    def write(cls, text: str) -> str:
        return escape_in_quotes(text)

    def may_begin(self, position: int) -> list[int]:
        """Return the tokens from a position on that an entity may begin with."""
        return [i for i in range(position, len(self)) if not self.is_space[i]]

    def may_end(self, end: int) -> bool:
        """Whether an entity may end before a token: not with white space."""
        return not self.is_space[end - 1]

    def next_written(self, end: int) -> Optional[str]:
        """Write the token at the end of an entity that goes on, with the white space before it; None if no word follows."""
        return None if self.next_word(end - 1) is None else self.spaces[end - 1] + self.words[end]


@dataclass(frozen=True)
class TokenRanges:
    """Ranges of tokens that have a text.

    text (str): The text of the Doc.
    starts (tuple[int, ...]): First character of each token.
    ends (tuple[int, ...]): Position after its last character.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @classmethod
    def from_doc(cls, doc: Doc) -> Self:
        """Collect the positions of the tokens of a Doc."""
        return cls(doc.text, tuple(token.idx for token in doc), tuple(token.idx + len(token) for token in doc))

    @cached_property
    def by_start(self) -> dict[int, int]:
        """Token that begins at each character."""
        return {start: i for i, start in enumerate(self.starts)}

    @cached_property
    def by_end(self) -> dict[int, int]:
        """Number of tokens that end before each character, without the white space after the last one."""
        return {end: i + 1 for i, end in enumerate(self.ends)}

    def string(self, start: int, end: int) -> str:
        """Return the text of a range of tokens."""
        return self.text[self.starts[start] : self.ends[end - 1]]

    def occurrences(self, string: str, position: int = 0) -> Iterator[tuple[int, int]]:
        """Iterate over the ranges of whole tokens that have a text; they may overlap.

        string (str): The text.
        position (int): Character at which the first range may begin.
        YIELDS (tuple[int, int]): Start and end of each range, in order.
        """
        place = self.text.find(string, position) if string else -1
        while place >= 0:
            start, end = self.by_start.get(place), self.by_end.get(place + len(string))
            if start is not None and end is not None:
                yield start, end
            place = self.text.find(string, place + 1)

    def find(self, string: str, occurrence: int) -> Optional[tuple[int, int]]:
        """Return the n-th range that has a text, None if there are fewer."""
        return next(islice(self.occurrences(string), occurrence - 1, occurrence), None)

    def occurrence(self, start: int, end: int) -> int:
        """Return the number of a range among those that have its text, counted from 1."""
        return 1 + [first for first, _ in self.occurrences(self.string(start, end))].index(start)

    def earlier(self, start: int, end: int, position: int = 0) -> Optional[int]:
        """Find the first token at or behind an earlier place of the text of a range; see `earlier_token`."""
        return earlier_token(self.text, self.starts, start, self.ends[end - 1], position)

    def is_next(self, start: int, end: int, position: int) -> bool:
        """Whether a range is the first from a token on that has its text."""
        return next(self.occurrences(self.string(start, end), self.starts[position]), None) == (start, end)
