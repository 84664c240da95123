"""Word boundaries in a text of any script."""

import re
import unicodedata

# Scripts without spaces between words, in which a word may begin or end at any position.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


def is_boundary(text: str, position: int) -> bool:
    """Whether a word may begin or end at a position of a text.

    It may between a letter and a digit ("4pm"), but not between two letters, except in scripts without spaces (Han, kana, Thai,
    Lao, Burmese, Khmer), not between two digits, and not before a combining mark.
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
    """Whether a character is a letter or a combining mark."""
    return char.isalpha() or unicodedata.category(char).startswith("M")
