"""Reading of JSON Lines: a line ends at a line feed and at nothing else, and an unreadable line does not affect the others."""

import json
from typing import Any, Iterator, NamedTuple, Optional


class JsonLine(NamedTuple):
    """A line that is not blank.

    number (int): Number of the line, counted from 1.
    text (str): The line as it was read.
    entry (Optional[dict[str, Any]]): Its JSON object; None if it has none.
    reason (str): Why it cannot be read; empty if it can.
    """

    number: int
    text: str
    entry: Optional[dict[str, Any]]
    reason: str = ""


def read_json_lines(content: bytes) -> Iterator[JsonLine]:
    """Read JSON Lines.

    `str.splitlines` also splits at characters that JSON allows inside a string, such as U+2028 and U+0085, and
    `bytes.splitlines` at a lone carriage return.

    content (bytes): UTF-8, with or without a byte order mark; bytes that are not UTF-8 become U+FFFD.
    YIELDS (JsonLine): Every line that is not blank.
    """
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if raw.strip(b" \t\r\0"):
            yield read_line(number, raw.removesuffix(b"\r").decode("utf8", errors="replace"))


def read_line(number: int, text: str) -> JsonLine:
    """Read one line."""
    try:
        entry = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        return JsonLine(number, text, None, f"not JSON: {error}")
    if not isinstance(entry, dict):
        return JsonLine(number, text, None, f"got {type(entry).__name__}, allowed is a JSON object")
    return JsonLine(number, text, entry)
