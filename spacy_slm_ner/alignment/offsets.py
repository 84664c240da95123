"""Offsets for programs that do not count characters as Python does."""

from itertools import accumulate
from typing import Callable, Literal, Sequence

Offsets = Literal["codepoint", "utf16", "byte"]
WIDTHS: dict[str, Callable[[str], int]] = {
    "utf16": lambda char: 2 if char > "\uffff" else 1,
    "byte": lambda char: len(char.encode("utf8", "surrogatepass")),
}


def offset_table(text: str, offsets: Offsets) -> Sequence[int]:
    """Return the offset of each character of a text, and of its end.

    text (str): The text.
    offsets (Offsets): "codepoint": characters, as Python counts; "utf16": code units, as JavaScript and Java count; "byte": bytes
        of UTF-8, as Rust and Go count.
    """
    if offsets == "codepoint" or text.isascii():
        return range(len(text) + 1)
    return [0, *accumulate(map(WIDTHS[offsets], text))]
