"""Folding of texts, after which spellings of the same word compare equal, with offsets that map back to the text.

`str.lower` and `str.casefold` may change the length of a text (one `İ` shifts every offset after it). So `fold` folds each
character alone, and keeps it where its folded form is longer. `fold_loosely` may change the length, and keeps the position of
each character in the text.
"""

import re
import unicodedata
from bisect import bisect_left
from functools import lru_cache
from typing import Iterator, NamedTuple, Optional

QUOTE_MARKS = dict.fromkeys("‘’‚‛`´ʼ′", "'") | dict.fromkeys("“”„‟″", '"')
DASHES = dict.fromkeys("‐‑‒–—―−", "-")
EQUIVALENTS = QUOTE_MARKS | DASHES


def fold_char(char: str) -> str:
    """Fold the case, quote mark, dash or kind of space of one character to one character."""
    if char in EQUIVALENTS:
        return EQUIVALENTS[char]
    if char.isspace():
        return " "
    folded = char.casefold()
    return folded if len(folded) == 1 else char


def fold(text: str) -> str:
    """Fold a text so that spellings of the same word compare equal.

    text (str): Any text.
    RETURNS (str): Folded text of the same length, so that offsets are the same.
    """
    return "".join(map(fold_char, text))


# Characters that extend the one before, besides combining marks: Hangul vowels and finals, half-width voicing marks of kana.
EXTENDS = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")
# Lengthens an Arabic word.
TATWEEL = "\u0640"


class Folded(NamedTuple):
    """A folded text with offsets into the text.

    text (str): The text without case, invisible characters, and compatibility forms.
    starts (list[int]): Start in the text, for each folded character.
    ends (list[int]): End in the text, for each folded character.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def position(self, offset: int) -> int:
        """Return the first folded character at or after a position in the text."""
        return bisect_left(self.starts, offset)

    def range(self, start: int, end: int) -> Optional[tuple[int, int]]:
        """Map a folded range to the range of the text; None if it cuts a grapheme cluster."""
        cut_start = start > 0 and self.starts[start - 1] == self.starts[start]
        cut_end = end < len(self.text) and self.starts[end] == self.starts[end - 1]
        return None if start >= end or cut_start or cut_end else (self.starts[start], self.ends[end - 1])


def fold_loosely(text: str) -> Folded:
    """Fold a text further than `fold` does: normal and compatibility forms (NFKC), full case folding, invisible characters.

    text (str): Any text.
    RETURNS (Folded): Folded text, whose ranges map back to grapheme clusters of the text.
    """
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for start, end in grapheme_clusters(text):
        cluster = fold_cluster(text[start:end])
        folded.append(cluster)
        starts += [start] * len(cluster)
        ends += [end] * len(cluster)
    return Folded("".join(folded), starts, ends)


def grapheme_clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges of a text that are perceived as one character each."""
    start = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not extends(text[end]):
            yield start, end
            start = end


@lru_cache(maxsize=65_536)
def extends(char: str) -> bool:
    """Whether a character belongs to the grapheme cluster of the one before."""
    return unicodedata.category(char).startswith("M") or bool(EXTENDS.match(char))


@lru_cache(maxsize=65_536)
def fold_cluster(cluster: str) -> str:
    """Fold a grapheme cluster and remove its invisible characters. A dotted or dotless i becomes an i."""
    visible = "".join(char for char in cluster if not is_invisible(char))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")
    return "".join(EQUIVALENTS.get(char, " " if char.isspace() else char) for char in folded)


def is_invisible(char: str) -> bool:
    """Whether a character is invisible: joiners, marks of direction, soft hyphens, variation selectors, tatweel."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char in (TATWEEL, "\u034f")
