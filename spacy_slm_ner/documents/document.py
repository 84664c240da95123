"""A raw text, and what is known about it."""

import math
from typing import Any, Literal, Mapping, NamedTuple, Optional

InputFormat = Literal["text", "lines", "json", "jsonl", "csv", "tsv", "parquet", "docbin"]


class Document(NamedTuple):
    """A text.

    file (str): Path of its file, as it was named.
    number (int): Its number in the file, counted from 1: of a row, a line, an entry, or a Doc.
    id (Optional[str]): Its id; None if it has none.
    text (str): The text; empty if it cannot be read.
    columns (Mapping[str, Any]): What stands beside it.
    problem (str): Why it cannot be read; empty if it can.
    """

    file: str
    number: int
    id: Optional[str]
    text: str
    columns: Mapping[str, Any]
    problem: str = ""


class InputSettings(NamedTuple):
    """How files are read.

    format (Optional[InputFormat]): What all files are; None to tell by the suffix.
    text_column (str): Column or field of the texts.
    id_column (Optional[str]): Column or field of the ids; None for `id`, where there is one.
    """

    format: Optional[InputFormat] = None
    text_column: str = "text"
    id_column: Optional[str] = None


def from_row(file: str, number: int, row: Mapping[str, Any], settings: InputSettings) -> Document:
    """Make the document of a row, or of an object with fields."""
    columns = {name: value for name, value in row.items() if name != settings.text_column}
    id = columns.get(settings.id_column or "id")  # NaN, which is not equal to itself, is none
    text = row.get(settings.text_column)
    problem = explain_no_text(text, settings.text_column, row)
    return Document(file, number, None if id is None or id != id else str(id), "" if problem else str(text), columns, problem)


def explain_no_text(value: Any, column: str, row: Mapping[str, Any]) -> str:
    """Return why a value is no text; empty if it is one."""
    if column not in row:
        return f"got no {column!r}, but {', '.join(map(repr, row)) or 'nothing'}"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return f"{column!r} is empty"
    if not isinstance(value, str):
        return f"{column!r} is {value!r:.40}, allowed is a text"
    return explain_broken(value)


def explain_broken(text: str) -> str:
    """Return why a text that was decoded with `surrogateescape` is not whole; empty if it is."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError as error:
        char = ord(text[error.start])
        broken = f"byte 0x{char - 0xDC00:02x} is not UTF-8" if 0xDC80 <= char <= 0xDCFF else "half a character (a lone surrogate)"
        return f"{broken}, at position {error.start}"
    return ""
