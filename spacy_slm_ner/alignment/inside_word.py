"""Whether words that stand only inside a longer one are the words that somebody meant."""

import re
import unicodedata

from .boundaries import is_boundary, is_letter

# Fewest letters of a part of a word, by where it stands in the word: in scripts with upper and lower case, in Hangul, whose
# letters are syllables, and in others.
CASED = {"start": 3, "end": 5, "middle": 6}
SYLLABLES = {"start": 1, "end": 2, "middle": 2}
UNCASED = {"start": 2, "end": 2, "middle": 3}
HANGUL = re.compile("[\uac00-\ud7a3]")
# From this many letters on, the beginning of a word is hardly chance, however much follows: `Montagmorgen`.
LONG_START = 5


def is_plausible_inside_word(text: str, start: int, end: int, folded: bool = False) -> bool:
    """Whether a range that is no whole word is likely the word that somebody meant, with something glued to it.

    Particles and endings follow (`서울에서`, `Helsingissä`), articles and prepositions precede (`בירושלים`), compounds do both
    (`Zahnarzttermin`). Short parts are chance, the more so the deeper they stand in the word, and in alphabets more than
    elsewhere: `us` is no part of `bus`, `Ford` none of `Oxford`, `Ann` none of `Announcement`, `Paris` none of `comparison`.
    Numbers are never cut, nor is a letter from its marks.

    text (str): The text, or its folded form.
    start (int): First character of the range.
    end (int): End of the range.
    folded (bool): Whether the text is folded, so that the case of the part may be another one: then it must be longer.
    """
    if not all(may_cut(text, position) for position in (start, end)):
        return False
    part = text[start:end]
    letters = sum(map(is_letter, part))
    place = "start" if is_boundary(text, start) else "end" if is_boundary(text, end) else "middle"
    if part.lower() == part.upper():
        return letters >= (SYLLABLES if HANGUL.search(part) else UNCASED)[place]
    return letters >= CASED[place] + folded and (place != "start" or is_most_of_word(text, start, end, letters))


def is_most_of_word(text: str, start: int, end: int, letters: int) -> bool:
    """Whether the beginning of a word is long, or longer than what follows it."""
    word_end = next((place for place in range(end, len(text)) if is_boundary(text, place)), len(text))
    return letters >= LONG_START or letters > word_end - end


def may_cut(text: str, position: int) -> bool:
    """Whether a word may be cut at a position: between letters, but not in front of a mark, nor between digits."""
    if not 0 < position < len(text):
        return True
    left, right = text[position - 1], text[position]
    return not unicodedata.category(right).startswith("M") and not (left.isdigit() and right.isdigit())
