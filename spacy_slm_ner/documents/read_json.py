"""JSON: objects with a text, or texts alone, one a line or in a list."""

import json
from typing import Any, BinaryIO, Iterator

from ..errors import ReadError
from .document import Document, InputSettings, explain_broken, from_row
from .read_text import BOM


def read_json_lines(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read each line that is not blank. A line ends at a line feed, and at nothing else."""
    for number, line in enumerate(file, 1):
        raw = line.removeprefix(BOM) if number == 1 else line
        if not raw.strip():
            continue
        text = raw.decode("utf8", errors="surrogateescape")
        problem = explain_broken(text)
        try:
            value = None if problem else json.loads(text, strict=False)
        except (ValueError, RecursionError) as error:
            problem = f"not JSON: {error}"
        yield Document(name, number, None, "", {}, problem) if problem else from_value(name, number, value, settings)


def read_json(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read the entries of a list, which may stand alone in an object.

    RAISES (ReadError): If the file holds something else.
    """
    try:
        content = json.loads(file.read().removeprefix(BOM).decode("utf8"), strict=False)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name} is not JSON: {error}. A file with one object a line is JSON Lines: name it .jsonl.") from None
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else [content]
    if len(lists) != 1 or not isinstance(lists[0], list):
        raise ReadError(f"{name} holds no list of texts. Allowed is a list of objects or texts, or an object with one such list.")
    for number, value in enumerate(lists[0], 1):
        yield from_value(name, number, value, settings)


def from_value(name: str, number: int, value: Any, settings: InputSettings) -> Document:
    """Make the document of an object, or of a text."""
    if isinstance(value, dict):
        return from_row(name, number, value, settings)
    return from_row(name, number, {settings.text_column: value}, settings)
