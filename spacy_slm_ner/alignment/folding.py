"""Folding that never moves a character.

`str.lower` and `str.casefold` may change the length of a text (one `İ` shifts every offset behind it), so each character is
folded alone and kept as it is where its folded form is longer.
"""

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
