"""Plausibility of matches inside a longer word."""

import re
import unicodedata

from .boundaries import is_boundary, is_letter

# Fewest letters of a match by its position in the word: in scripts with upper and lower case, in Hangul, whose letters are
# syllables, and in others.
CASED = {"start": 3, "end": 5, "middle": 6}
SYLLABLES = {"start": 1, "end": 2, "middle": 2}
UNCASED = {"start": 2, "end": 2, "middle": 3}
HANGUL = re.compile("[\uac00-\ud7a3]")
# A match at the beginning of a word with so many letters is no coincidence, however much follows: `Montagmorgen`.
LONG_START = 5


def is_plausible_inside_word(text: str, start: int, end: int, folded: bool = False) -> bool:
    """Whether a range inside a longer word is likely the word that was meant, with affixes or as a member of a compound.

    Particles and endings follow (`서울에서`, `Helsingissä`), articles and prepositions precede (`בירושלים`), compounds do both
    (`Zahnarzttermin`). Short matches are coincidences, in the middle of a word more than at its ends, and in alphabets more than
    elsewhere: `us` in `bus`, `Ford` in `Oxford`, `Ann` in `Announcement`, `Paris` in `comparison`. Numbers are never cut, nor is
    a letter from its marks.

    text (str): The text, or its folded form.
    start (int): First character of the range.
    end (int): End of the range.
    folded (bool): Whether the text is folded. As the case may differ then, the match must be longer.
    """
    if not all(may_cut(text, position) for position in (start, end)):
        return False
    match = text[start:end]
    letters = sum(map(is_letter, match))
    position = "start" if is_boundary(text, start) else "end" if is_boundary(text, end) else "middle"
    if match.lower() == match.upper():
        return letters >= (SYLLABLES if HANGUL.search(match) else UNCASED)[position]
    return letters >= CASED[position] + folded and (position != "start" or is_most_of_word(text, start, end, letters))


def is_most_of_word(text: str, start: int, end: int, letters: int) -> bool:
    """Whether the beginning of a word is long, or longer than the rest of the word."""
    word_end = next((position for position in range(end, len(text)) if is_boundary(text, position)), len(text))
    return letters >= LONG_START or letters > word_end - end


def may_cut(text: str, position: int) -> bool:
    """Whether a word may be cut at a position: between letters, but not before a mark, nor between digits."""
    if not 0 < position < len(text):
        return True
    left, right = text[position - 1], text[position]
    return not unicodedata.category(right).startswith("M") and not (left.isdigit() and right.isdigit())
