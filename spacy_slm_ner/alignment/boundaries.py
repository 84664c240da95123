"""Where a word may begin or end."""

import re
import unicodedata

# Scripts that put no space between words: there, every place may be the end of one.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def is_boundary(text: str, position: int) -> bool:
    """Whether a word may begin or end at a position of a text.

    Not between two letters, except in scripts without spaces (Han, kana, Thai, Lao, Burmese, Khmer), not between two
    digits, and not in front of a combining mark. Between a letter and a digit it may: "4pm".
    """
    if not 0 < position < len(text):
        return True
    left, right = text[position - 1], text[position]
    if unicodedata.category(right).startswith("M"):
        return False
    if left.isdigit() and right.isdigit():
        return False
    inside_word = is_letter(left) and is_letter(right)
    return not inside_word or bool(UNSPACED.match(left) or UNSPACED.match(right))


def is_letter(char: str) -> bool:
    return char.isalpha() or unicodedata.category(char).startswith("M")


# Fewest letters of a part of a word, by where it stands in the word: in scripts with upper and lower case, in Hangul, whose
# letters are syllables, and in others.
CASED = {"start": 3, "end": 4, "middle": 5}
SYLLABLES = {"start": 1, "end": 2, "middle": 2}
UNCASED = {"start": 2, "end": 2, "middle": 3}
HANGUL = re.compile("[\uac00-\ud7a3]")


def may_be_part(text: str, start: int, end: int) -> bool:
    """Whether a range that is no whole word is likely the word that somebody meant, with something glued to it.

    Particles and endings follow (`서울에서`, `Helsingissä`), articles and prepositions precede (`בירושלים`), compounds do both
    (`Zahnarzttermin`). Short parts are chance, the more so the deeper they stand in the word, and in alphabets more than
    elsewhere: `us` is no part of `bus`, `art` none of `party`. Numbers are never parted, nor is a letter from its marks.
    """
    if not all(may_cut(text, position) for position in (start, end)):
        return False
    part = text[start:end]
    place = "start" if is_boundary(text, start) else "end" if is_boundary(text, end) else "middle"
    leasts = CASED if part.lower() != part.upper() else SYLLABLES if HANGUL.search(part) else UNCASED
    return sum(map(is_letter, part)) >= leasts[place]


def may_cut(text: str, position: int) -> bool:
    """Whether a word may be cut at a position: between letters, but not in front of a mark, nor between digits."""
    if not 0 < position < len(text):
        return True
    left, right = text[position - 1], text[position]
    return not unicodedata.category(right).startswith("M") and not (left.isdigit() and right.isdigit())
