"""Rows of the output, and of the file of errors."""

import math
from typing import Any, Literal, Mapping, Optional

from ..alignment.offsets import Offsets, offset_table
from ..documents.document import Document
from ..labelling.labelling import Labelling

ErrorKind = Literal["no_text", "too_long", "failed", "worker_died"]
# Types of columns, from the narrowest; "json" holds any value, written as JSON.
ColumnType = Literal["null", "bool", "int", "float", "str", "json"]
Row = dict[str, Any]


def result_row(document: Document, found: Labelling, offsets: Offsets) -> Row:
    """Write what was found in a text.

    document (Document): The text.
    found (Labelling): What the pipeline found, as ranges of characters.
    offsets (Offsets): What offsets count.
    """
    broken = [f"{name!r} held what is not UTF-8" for name, value in document.columns.items() if is_broken(value)]
    problems = [*map(clean, found.problems), *broken]
    table = offset_table(document.text, offsets)
    return {
        **place_of(document),
        **clean(document.columns),
        "text": document.text,
        **({"intent": found.intent} if found.intent is not None else {}),
        **({"offsets": offsets} if offsets != "codepoint" else {}),
        "entities": [
            {
                "start": table[span.start],
                "end": table[span.end],
                "label": span.label,
                "text": document.text[span.start : span.end],
                "score": score,
            }
            for span, score in found.entities
        ],
        **({"problems": problems} if problems else {}),
    }


def error_row(document: Document, kind: ErrorKind, reason: str) -> Row:
    """Write why a text has no result."""
    return {**place_of(document), "error": kind, "reason": clean(reason)}


def place_of(document: Document) -> Row:
    """Write which row of which file a text is."""
    return {"file": clean(document.file), "number": document.number, "id": clean(document.id)}


def clean(value: Any) -> Any:
    """Return a value as JSON can hold it: NaN is null, other types are their text, and bytes that are not UTF-8 become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf8", "surrogateescape").decode("utf8", "replace") if is_broken(value) else value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Mapping):
        return {str(clean(str(name))): clean(one) for name, one in value.items()}
    return [clean(one) for one in value] if isinstance(value, list | tuple) else clean(str(value))


def is_broken(value: Any) -> bool:
    """Whether a value is a text that UTF-8 cannot hold."""
    try:
        return isinstance(value, str) and not value.encode("utf8")
    except UnicodeEncodeError:
        return True


def type_of(value: Any) -> ColumnType:
    """Return the type of a column that holds a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "json"
    return "float" if isinstance(value, float) else "str" if isinstance(value, str) else "json"


def join_types(one: Optional[ColumnType], other: ColumnType) -> ColumnType:
    """Return the narrowest type that holds the values of both."""
    if one is None or one == "null" or one == other:
        return other
    if other == "null":
        return one
    return "float" if {one, other} == {"int", "float"} else "json"
