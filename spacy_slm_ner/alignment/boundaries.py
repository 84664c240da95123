"""Where a word may begin or end."""

import re

from .characters import extends, is_character_edge, is_invisible

# Scripts that put no space between words: there, every place may be the end of one.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
# They do not show, but separate: the zero-width space, and the non-joiner between the parts of a Persian word.
SEPARATORS = "\u200b\u200c"


def is_boundary(text: str, position: int) -> bool:
    """Whether a word may begin or end at a position of a text.

    Not between two letters, except in scripts without spaces (Han, kana, Thai, Lao, Burmese, Khmer), not between two
    digits, and not inside what is seen as one character. Between a letter and a digit it may: "4pm". Characters that do
    not show, such as a soft hyphen, part nothing.
    """
    if not 0 < position < len(text):
        return True
    if not is_character_edge(text, position):
        return False
    left, right = shown_before(text, position), shown_behind(text, position)
    if left.isdigit() and right.isdigit():
        return False
    return not (left.isalpha() and right.isalpha()) or bool(UNSPACED.match(left) or UNSPACED.match(right))


def shown_before(text: str, position: int) -> str:
    """The character in front of a position that is seen, without its marks; "" if there is none."""
    while position > 0 and is_passed_over(text[position - 1]):
        position -= 1
    return text[position - 1 : position] if position else ""


def shown_behind(text: str, position: int) -> str:
    """The character behind a position that is seen; "" if there is none."""
    while position < len(text) and is_passed_over(text[position]):
        position += 1
    return text[position : position + 1]


def is_passed_over(char: str) -> bool:
    return char not in SEPARATORS and (extends(char) or is_invisible(char))
