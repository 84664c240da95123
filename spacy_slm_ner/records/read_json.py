"""Record files: one JSON document with a "dataset", or JSON Lines."""

import json
from pathlib import Path
from typing import Any, Iterator, Union

from ..errors import ReadError
from ..user_files import read_text
from .look_alikes import describe_document, describe_entries, describe_text
from .read_annotations import is_annotation

Payload = Union[Any, json.JSONDecodeError]


def read_payloads(path: Path) -> Iterator[tuple[int, Payload]]:
    """Read the records of a file, unchecked.

    path (Path): A JSON file `{"dataset": [...]}`, a JSON list of records, or JSON Lines with one record a line.
    YIELDS (tuple[int, Payload]): Number of the record (in JSON Lines, of the line), counted from 1, and the record as read
        from JSON, or the error if a line is not JSON.
    RAISES (ReadError): If the file has none of these forms.
    """
    content = read_text(path)
    document = parse_json(content)
    if not isinstance(document, json.JSONDecodeError):
        yield from enumerate(records_of(document, path), 1)
        return
    lines = list(read_lines(content))
    # One good line may be the last of a broken document, so at least half of the lines must be objects.
    if 2 * sum(isinstance(payload, dict) for _, payload in lines) < len(lines):
        raise ReadError(
            f"{path} is not valid JSON: {document.msg} in line {document.lineno}, column {document.colno}. A record file is one "
            'JSON document {"dataset": [...]} or JSON Lines. '
            f"{describe_text(content) or 'Correct that place.'}"
        )
    yield from lines


def parse_json(text: str) -> Payload:
    """Parse JSON, or return the error."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        return error
    except RecursionError:
        return json.JSONDecodeError("Nested too deep", text, 0)


def read_lines(content: str) -> Iterator[tuple[int, Payload]]:
    """Parse JSON Lines, and yield each with its number."""
    # str.splitlines would also split at characters that JSON allows inside a string, such as U+2028
    for number, line in enumerate(content.split("\n"), 1):
        if line.strip():
            yield number, parse_json(line)


def records_of(document: Any, path: Path) -> list[Any]:
    """Return the list of records of a JSON document.

    RAISES (ReadError): If it has none.
    """
    whole = document
    if isinstance(document, dict):
        if {"text", "labels"} <= document.keys() or is_annotation(document):
            return [document]
        document = document.get("dataset")
    if not isinstance(document, list):
        hint = describe_entries([whole]) or describe_document(whole) or "Put the records into one of these forms."
        raise ReadError(
            f'{path} holds JSON without a list of records. Allowed are {{"dataset": [...]}}, a list of records, '
            f"or JSON Lines. {hint}"
        )
    return document
