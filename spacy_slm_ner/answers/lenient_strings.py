"""JSON strings as language models write them: any quotes, control characters, and escapes that JSON does not know."""

import re
from typing import NoReturn

# Closing quotes by opening quote.
CLOSING_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "‟": "”", "‘": "’", "’": "’", "‚": "‘’", "«": "»"}
PLAIN = {closing: re.compile(rf"[^\\{closing}]+") for closing in CLOSING_QUOTES.values()}
APOSTROPHES = "'’‘"
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\n": "\n"}
UNICODE_ESCAPE = re.compile(r"u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?")


class NotReadable(ValueError):
    """A position at which no value can be read without a guess.

    reason (str): What was got.
    position (int): Where reading stopped.
    cut_off (bool): Whether that is the end of the text.
    """

    def __init__(self, reason: str, position: int, cut_off: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.position, self.cut_off = reason, position, cut_off


def fail(text: str, wanted: str, position: int) -> NoReturn:
    """Raise the error for a position at which something else is wanted.

    RAISES (NotReadable): Always.
    """
    if position >= len(text):
        raise NotReadable("it is cut off", position, cut_off=True)
    raise NotReadable(f"got {text[position : position + 20]!r}, allowed is {wanted}", position)


def read_string(text: str, position: int) -> tuple[str, int]:
    """Read the string whose opening quote stands at a position.

    RETURNS (tuple[str, int]): The string and its end.
    RAISES (NotReadable): If it has no closing quote.
    """
    closing = CLOSING_QUOTES[text[position]]
    chunks: list[str] = []
    position += 1
    while position < len(text):
        plain = PLAIN[closing].match(text, position)
        if plain:
            chunk, position = plain[0], plain.end()
        elif text[position] == "\\":
            chunk, position = read_escape(text, position + 1)
        elif is_apostrophe(text, position):
            chunk, position = text[position], position + 1
        else:
            return "".join(chunks), position + 1
        chunks.append(chunk)
    return fail(text, "a closing quote", position)


def is_apostrophe(text: str, position: int) -> bool:
    """Whether a quote stands inside a word."""
    around = text[position - 1 : position] + text[position + 1 : position + 2]
    return text[position] in APOSTROPHES and len(around) == 2 and around.isalnum()


def read_escape(text: str, position: int) -> tuple[str, int]:
    """Read an escape, from the position after its backslash.

    RETURNS (tuple[str, int]): The characters that it stands for, and its end.
    """
    char = text[position : position + 1] or fail(text, "a character", position)
    code = UNICODE_ESCAPE.match(text, position)
    if code:
        return read_unicode_escape(code)
    if char in ESCAPES:
        return ESCAPES[char], position + 1
    return (f"\\{char}" if char.isalnum() or char.isspace() else char), position + 1


def read_unicode_escape(code: "re.Match[str]") -> tuple[str, int]:
    """Read one escaped code unit, or a pair of surrogates.

    RETURNS (tuple[str, int]): The character and the end of its escape.
    """
    first = int(code[1], 16)
    if code[2] and 0xD800 <= first < 0xDC00:
        return chr(0x10000 + ((first - 0xD800) << 10) + int(code[2], 16) - 0xDC00), code.end()
    return chr(first), code.start() + 5
