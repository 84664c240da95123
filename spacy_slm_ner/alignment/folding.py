"""Folding, with which spellings of the same word compare equal, and from which every offset leads back into the text.

`str.lower` and `str.casefold` may change the length of a text (one `İ` shifts every offset behind it). So `fold` folds each
character alone and keeps it as it is where its folded form is longer, and `fold_loosely`, which may change the length, remembers
where each character came from.
"""

import unicodedata
from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple, Optional, Sequence

from .characters import is_invisible, seen_characters

QUOTES = dict.fromkeys("‘’‚‛`´ʼ′", "'") | dict.fromkeys("“”„‟″", '"')
DASHES = dict.fromkeys("‐‑‒–—―−", "-")
SAME = QUOTES | DASHES


def fold_char(char: str) -> str:
    """Fold one character to one character: case, quote marks, dashes and kinds of space."""
    if char in SAME:
        return SAME[char]
    if char.isspace():
        return " "
    folded = char.casefold()
    return folded if len(folded) == 1 else char


def fold(text: str) -> str:
    """Fold a text so that spellings of the same word compare equal.

    text (str): Any text.
    RETURNS (str): Folded text of exactly the same length, so that offsets into one are offsets into the other.
    """
    return "".join(map(fold_char, text))


# A fraction such as ½ has this one.
LOOSELY_SAME = SAME | dict.fromkeys("⁄∕", "/")


class Folded(NamedTuple):
    """A text as it compares.

    text (str): Without case, invisible characters, and differences that compatibility forms make.
    starts (Sequence[int]): For each of its characters, where what it came from starts in the text, ...
    ends (Sequence[int]): ... and where that ends.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def position(self, place: int) -> int:
        """First folded character that came from behind a place in the text."""
        return bisect_left(self.starts, place)

    def range(self, start: int, end: int) -> Optional[tuple[int, int]]:
        """Range of the text that a range of folded characters came from; None if it cuts what is seen as one character."""
        cut_start = start > 0 and self.starts[start - 1] == self.starts[start]
        cut_end = end < len(self.text) and self.starts[end] == self.starts[end - 1]
        return None if start >= end or cut_start or cut_end else (self.starts[start], self.ends[end - 1])


def as_written(text: str) -> Folded:
    """A text that is compared as it is."""
    return Folded(text, range(len(text)), range(1, len(text) + 1))


def fold_loosely(text: str) -> Folded:
    """Fold a text further than `fold` does: normal and compatibility forms (NFKC), full case folding, invisible characters.

    text (str): Any text.
    RETURNS (Folded): From which ranges lead back into the text, by whole characters as they are seen.
    """
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in seen_characters(text):
        part = fold_cluster(text[start:end])
        folded.append(part)
        starts += [start] * len(part)
        ends += [end] * len(part)
    return Folded("".join(folded), starts, ends)


@lru_cache(maxsize=4096)
def fold_cluster(cluster: str) -> str:
    """Fold what is seen as one character; nothing is left of invisible ones. A dotted or dotless i is an i."""
    visible = "".join(char for char in cluster if not is_invisible(char))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")
    return "".join(LOOSELY_SAME.get(char, " " if char.isspace() else char) for char in folded)
