"""Folding, with which spellings of the same word compare equal, and from which every offset leads back into the text.

`str.lower` and `str.casefold` may change the length of a text (one `İ` shifts every offset behind it). So `fold` folds each
character alone and keeps it as it is where its folded form is longer, and `fold_loosely`, which may change the length, remembers
where each character came from.
"""

import re
import unicodedata
from bisect import bisect_left
from typing import Iterator, NamedTuple, Optional

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


# A character that is seen as one: a letter with its marks, a Hangul syllable in parts, half-width kana with its voicing mark.
EXTENDS = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb\uff9e\uff9f]")
# Written to lengthen an Arabic word.
TATWEEL = "\u0640"


class Folded(NamedTuple):
    """A text as it compares.

    text (str): Without case, invisible characters, and differences that compatibility forms make.
    starts (list[int]): For each of its characters, where what it came from starts in the text, ...
    ends (list[int]): ... and where that ends.
    """

    text: str
    starts: list[int]
    ends: list[int]

    def position(self, place: int) -> int:
        """First folded character that came from behind a place in the text."""
        return bisect_left(self.starts, place)

    def range(self, start: int, end: int) -> Optional[tuple[int, int]]:
        """Range of the text that a range of folded characters came from; None if it cuts what is seen as one character."""
        cut_start = start > 0 and self.starts[start - 1] == self.starts[start]
        cut_end = end < len(self.text) and self.starts[end] == self.starts[end - 1]
        return None if start >= end or cut_start or cut_end else (self.starts[start], self.ends[end - 1])


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


def seen_characters(text: str) -> Iterator[tuple[int, int]]:
    """Ranges of a text that are seen as one character each."""
    start = 0
    for place in range(1, len(text) + 1):
        if place == len(text) or not extends(text[place]):
            yield start, place
            start = place


def extends(char: str) -> bool:
    return unicodedata.category(char).startswith("M") or bool(EXTENDS.match(char))


def fold_cluster(cluster: str) -> str:
    """Fold what is seen as one character; nothing is left of invisible ones. A dotted or dotless i is an i."""
    visible = "".join(char for char in cluster if not is_invisible(char))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    folded = folded.replace("i\u0307", "i").replace("ı", "i")
    return "".join(SAME.get(char, " " if char.isspace() else char) for char in folded)


def is_invisible(char: str) -> bool:
    """Whether a character does not show: joiners, marks of direction, soft hyphens, selectors of a variant, tatweel."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f" or char in (TATWEEL, "\u034f")
