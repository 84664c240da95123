"""JSON as language models write it. Everything that is unambiguous is read, and nothing else.

| what is tolerated | why it is unambiguous |
| --- | --- |
| line breaks, tabs and other control characters in strings | the string ends at its quote all the same |
| a trailing comma | nothing follows it |
| a missing comma between two objects or lists, or before a key with its colon | the value before it has a known end |
| single or typographic quotes | the closing one belongs to the opening one; inside a word, it is an apostrophe |
| keys without quotes | they end at the colon |
| True, None, NaN, undefined and the like | each has one meaning; what is not a number is null |
| comments, code fences, byte order marks and other blanks between values | they are no values |
| doubled braces, full-width commas and colons | each stands for one |
| escapes that JSON does not know | a punctuation mark stands for itself, before anything else the backslash stays |

Everything ambiguous is an error: a missing value or bracket, an unescaped quote inside a string, a word without quotes, a key
with two values.
"""

import json
import re
from math import isfinite
from typing import Any, Callable, Optional

from .lenient_strings import CLOSING_QUOTES, NotReadable, fail, read_string

CONSTANTS = {"true": True, "false": False, "null": None, "none": None, "nan": None, "undefined": None, "infinity": None}
BLANK = re.compile(r"(?:[\s\ufeff\u200b\u2060]|//[^\n]*|/\*.*?\*/|\#[^\n]*|```[ \t]*\w*)+", re.DOTALL)
WORD = re.compile(r"[^\W\d][\w$-]*")
NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])|[+-]Infinity\b")
DEEPEST = 12


def read_value(text: str, start: int) -> tuple[Any, int]:
    """Read the JSON object or list that begins at a position.

    text (str): Any text.
    start (int): Position of "{" or "[".
    RETURNS (tuple[Any, int]): The value and its end.
    RAISES (NotReadable): If it has no end, or is ambiguous.
    """
    try:
        return STRICT.raw_decode(text, start)
    except (ValueError, RecursionError):
        return LenientParser(text).value(start)


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of keys and values.

    RAISES (ValueError): If a key has two values, as in two objects with a bracket missing between them.
    """
    made: dict[str, Any] = {}
    for key, value in pairs:
        if made.setdefault(key, value) != value:
            raise ValueError(f"got two values of {key!r} in one object")
    return made


# Longer rows of digits are no numbers of anything, and Python refuses to convert the longest.
LONGEST_INTEGER = 300


def parse_number(digits: str) -> Optional[float]:
    """Parse a number; None if it is not finite."""
    number = int(digits) if digits.lstrip("+-").isdecimal() and len(digits) < LONGEST_INTEGER else float(digits)
    return number if isfinite(number) else None


STRICT = json.JSONDecoder(strict=False, object_pairs_hook=make_object, parse_constant=lambda name: None, parse_float=parse_number)


class LenientParser:
    """Recursive descent parser of a text. Each method takes a position, and returns a value and its end.

    text (str): Any text.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0

    def skip(self, position: int) -> int:
        """Skip blanks and comments."""
        blank = BLANK.match(self.text, position)
        return blank.end() if blank else position

    def at(self, position: int) -> str:
        """Return the character at a position; empty at the end of the text."""
        return self.text[position : position + 1]

    def value(self, position: int) -> tuple[Any, int]:
        """Read any value."""
        first = self.at(position)
        if first in ("{", "["):
            return self.nested(first, position)
        if first and first in CLOSING_QUOTES:
            return read_string(self.text, position)
        number = NUMBER.match(self.text, position)
        if number:
            return parse_number(number[0]), number.end()
        word = WORD.match(self.text, position)
        if word and word[0].lower() in CONSTANTS:
            return CONSTANTS[word[0].lower()], word.end()
        return fail(self.text, "a value", position)

    def nested(self, first: str, position: int) -> tuple[Any, int]:
        """Read an object or a list."""
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
            return make_object(pairs), position + 1
        except ValueError as error:
            raise NotReadable(str(error), position) from None

    def doubled(self, position: int) -> tuple[dict[str, Any], int]:
        """Read an object in doubled braces, from the second brace on."""
        if self.at(self.skip(position + 1)) == "{":
            fail(self.text, "a key", position)
        value, position = self.nested("{", position)
        position = self.skip(position)
        return (value, position + 1) if self.at(position) == "}" else fail(self.text, "'}'", position)

    def list(self, position: int) -> tuple["list[Any]", int]:
        position = self.skip(position + 1)
        values: list[Any] = []
        while self.at(position) != "]":
            value, position = self.value(position)
            values.append(value)
            position = self.separator(
                position, "]", self.begins_nested if isinstance(value, dict | list) else lambda position: False
            )
        return values, position + 1

    def separator(self, position: int, closing: str, begins: Callable[[int], bool]) -> int:
        """Skip a comma, which may be missing where `begins` says that a member follows."""
        position = self.skip(position)
        if self.at(position) in (",", "，"):
            return self.skip(position + 1)
        if self.at(position) == closing or begins(position):
            return position
        return fail(self.text, f"',' or '{closing}'", position)

    def begins_nested(self, position: int) -> bool:
        return self.at(position) in ("{", "[")

    def begins_key(self, position: int) -> bool:
        """Whether a key with its colon begins at a position, after a blank or a value that ends with a bracket or a quote."""
        if self.text[position - 1].isalnum():
            return False
        try:
            self.key(position)
        except NotReadable:
            return False
        return True

    def key(self, position: int) -> tuple[str, int]:
        """Read a key; its end is the position of its value."""
        if self.at(position) and self.at(position) in CLOSING_QUOTES:
            key, end = read_string(self.text, position)
        else:
            word = WORD.match(self.text, position) or fail(self.text, "a key", position)
            key, end = word[0], word.end()
        end = self.skip(end)
        return (key, self.skip(end + 1)) if self.at(end) in (":", "：") else fail(self.text, "':'", end)
