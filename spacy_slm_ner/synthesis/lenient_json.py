"""JSON as language models write it: what can be read without a guess is read, and nothing else.

| what is tolerated | why it is no guess |
| --- | --- |
| line breaks, tabs and other control characters in strings | the string ends at its quote all the same |
| a comma too many before a closing bracket | nothing stands behind it |
| no comma between two objects or lists, or in front of a key with its colon | where the value ends is known |
| single or typographic quotes | the closing one belongs to the opening one; inside a word, it is an apostrophe |
| keys without quotes | they end at the colon |
| True, None, NaN, undefined and the like | each has one meaning; what is not a number is null |
| comments, code fences, byte order marks and other blanks between values | they are no values |
| doubled braces, full-width commas and colons | each stands for one |
| escapes that JSON does not know | a punctuation mark stands for itself, before anything else the backslash stays |

What would have to be guessed is an error: a value or a bracket that is missing, a quote inside a string that is not escaped, a
word without quotes, a key that occurs twice with two values.
"""

import json
import re
from math import isfinite
from typing import Any, Callable, NoReturn, Optional

QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“”", "‟": "”", "‘": "’", "’": "’", "‚": "‘’", "«": "»"}
PLAIN = {closing: re.compile(rf"[^\\{closing}]+") for closing in QUOTES.values()}
APOSTROPHES = "'’‘"
CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "nan": None, "undefined": None, "infinity": None}
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "\n": "\n"}
BLANK = re.compile(r"(?:[\s\ufeff\u200b\u2060]|//[^\n]*|/\*.*?\*/|\#[^\n]*|```[ \t]*\w*)+", re.DOTALL)
WORD = re.compile(r"[^\W\d][\w$-]*")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[+-]Infinity\b")
UNICODE_ESCAPE = re.compile(r"u([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?")
DEEPEST = 12


class NotReadable(ValueError):
    """What stands at a place cannot be read without a guess.

    reason (str): What was got.
    position (int): Where reading stopped.
    cut_off (bool): Whether that is the end of the text.
    """

    def __init__(self, reason: str, position: int, cut_off: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.position, self.cut_off = reason, position, cut_off


def read_value(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON object or list that begins at a place.

    text (str): Any text.
    start (int): Where "{" or "[" stands.
    RETURNS (tuple[Any, int]): The value, and where it ends.
    RAISES (NotReadable): If it has no end, or cannot be read without a guess.
    """
    try:
        return STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return LenientParser(text).value(start)


def unite(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object. Two values of one key are two objects with a bracket missing between them.

    RAISES (ValueError): If a key has two values.
    """
    united: dict[str, Any] = {}
    for key, value in pairs:
        if united.setdefault(key, value) != value:
            raise ValueError(f"got two values of {key!r} in one object")
    return united


def number_of(digits: str) -> Optional[float]:
    """A number; None if it is beyond all that can be counted."""
    number = int(digits) if digits.lstrip("+-").isdecimal() and len(digits) < 20 else float(digits)
    return number if isfinite(number) else None


def unicode_of(code: "re.Match[str]") -> tuple[str, int]:
    """The character of one escape or of a pair of them, and where it ends."""
    first = int(code[1], 16)
    if code[2] and 0xD800 <= first < 0xDC00:
        return chr(0x10000 + ((first - 0xD800) << 10) + int(code[2], 16) - 0xDC00), code.end()
    return chr(first), code.start() + 5


def never(position: int) -> bool:
    return False


STRICT = json.JSONDecoder(strict=False, object_pairs_hook=unite, parse_constant=lambda name: None, parse_float=number_of)


class LenientParser:
    """Reads values at places of a text.

    text (str): Any text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0

    def fail(self, wanted: str, position: int) -> NoReturn:
        if position >= len(self.text):
            raise NotReadable("it is cut off", position, cut_off=True)
        raise NotReadable(f"got {self.text[position : position + 20]!r}, allowed is {wanted}", position)

    def skip(self, position: int) -> int:
        blank = BLANK.match(self.text, position)
        return blank.end() if blank else position

    def at(self, position: int) -> str:
        return self.text[position : position + 1]

    def value(self, position: int) -> tuple[Any, int]:
        first = self.at(position)
        if first in ("{", "["):
            return self.nested(first, position)
        if first and first in QUOTES:
            return self.string(position)
        number = NUMBER.match(self.text, position)
        if number:
            return number_of(number[0]), number.end()
        word = WORD.match(self.text, position)
        if word and word[0].lower() in CONSTANTS:
            return CONSTANTS[word[0].lower()], word.end()
        return self.fail("a value", position)

    def nested(self, first: str, position: int) -> tuple[Any, int]:
        self.depth += 1
        if self.depth > DEEPEST:
            raise NotReadable(f"it is nested deeper than {DEEPEST} levels", position)
        try:
            return self.object(position) if first == "{" else self.list(position)
        finally:
            self.depth -= 1

    def object(self, position: int) -> tuple[dict[str, Any], int]:
        position = self.skip(position + 1)
        if self.at(position) == "{":
            return self.doubled(position)
        pairs: list[tuple[str, Any]] = []
        while self.at(position) != "}":
            key, position = self.key(position)
            value, position = self.value(position)
            pairs.append((key, value))
            position = self.separator(position, "}", self.begins_key)
        try:
            return unite(pairs), position + 1
        except ValueError as error:
            raise NotReadable(str(error), position) from None

    def doubled(self, position: int) -> tuple[dict[str, Any], int]:
        """An object in doubled braces, from its second one on."""
        if self.at(self.skip(position + 1)) == "{":
            self.fail("a key", position)
        value, position = self.nested("{", position)
        position = self.skip(position)
        return (value, position + 1) if self.at(position) == "}" else self.fail("'}'", position)

    def list(self, position: int) -> tuple["list[Any]", int]:
        position = self.skip(position + 1)
        values: list[Any] = []
        while self.at(position) != "]":
            value, position = self.value(position)
            values.append(value)
            position = self.separator(position, "]", self.begins_nested if isinstance(value, dict | list) else never)
        return values, position + 1

    def separator(self, position: int, closing: str, begins: Callable[[int], bool]) -> int:
        """Where the next member begins, or the closing bracket stands."""
        position = self.skip(position)
        if self.at(position) in (",", "，"):
            return self.skip(position + 1)
        if self.at(position) == closing or begins(position):
            return position
        return self.fail(f"',' or '{closing}'", position)

    def begins_nested(self, position: int) -> bool:
        return self.at(position) in ("{", "[")

    def begins_key(self, position: int) -> bool:
        """Whether a key with its colon stands at a place, behind a blank or a value that ends with a bracket or a quote."""
        if self.text[position - 1].isalnum():
            return False
        try:
            self.key(position)
        except NotReadable:
            return False
        return True

    def key(self, position: int) -> tuple[str, int]:
        """A key, and where its value begins."""
        if self.at(position) and self.at(position) in QUOTES:
            key, end = self.string(position)
        else:
            word = WORD.match(self.text, position) or self.fail("a key", position)
            key, end = word[0], word.end()
        end = self.skip(end)
        return (key, self.skip(end + 1)) if self.at(end) in (":", "：") else self.fail("':'", end)

    def string(self, position: int) -> tuple[str, int]:
        closing = QUOTES[self.text[position]]
        parts: list[str] = []
        position += 1
        while position < len(self.text):
            plain = PLAIN[closing].match(self.text, position)
            if plain:
                part, position = plain[0], plain.end()
            elif self.text[position] == "\\":
                part, position = self.escape(position + 1)
            elif self.is_apostrophe(position):
                part, position = self.text[position], position + 1
            else:
                return "".join(parts), position + 1
            parts.append(part)
        return self.fail("a closing quote", position)

    def is_apostrophe(self, position: int) -> bool:
        around = self.text[position - 1 : position] + self.text[position + 1 : position + 2]
        return self.text[position] in APOSTROPHES and len(around) == 2 and around.isalnum()

    def escape(self, position: int) -> tuple[str, int]:
        """What is escaped behind a backslash, and where it ends."""
        char = self.at(position) or self.fail("a character", position)
        code = UNICODE_ESCAPE.match(self.text, position)
        if code:
            return unicode_of(code)
        if char in ESCAPES:
            return ESCAPES[char], position + 1
        return (f"\\{char}" if char.isalnum() or char.isspace() else char), position + 1
