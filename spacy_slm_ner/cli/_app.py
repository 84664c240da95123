"""The typer application, and helpers of all commands."""

import csv
import json
import sys
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, Iterator, Optional

import typer
from rich.console import Console

from ..errors import ReadError, SlmNerError


class App(typer.Typer):
    """Typer application that writes any text to any terminal."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line."""
        escape_unwritable()
        return super().__call__(*args, **kwargs)


def escape_unwritable() -> None:
    """Let stdout and stderr write `\\uXXXX` for characters that their encoding lacks, such as `日` in cp1252."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


app = App(
    name="spacy-slm-ner",
    help="Build your own named-entity recogniser: LLM-written records in, a small spaCy pipeline out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
console = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Exit with a message and code 1, not with a traceback, if the input is at fault."""
    try:
        yield
    except SlmNerError as error:
        stderr.print(f"Error: {type(error).__name__}: {error}", markup=False, soft_wrap=True, style="red")
        raise typer.Exit(1) from None


def decode_argument(text: str) -> str:
    """Return an argument or a file name as valid Unicode: bytes that Python could not decode are read as UTF-8, or replaced."""
    return text.encode("utf8", "surrogateescape").decode("utf8", "replace")


def comma_list(value: str) -> list[str]:
    """Split a comma-separated option: `a,b`, `"a, b",c` with quotes as in CSV, or a JSON list `["a, b", "c"]`.

    RETURNS (list[str]): The items, without white space at their ends and without empty ones.
    RAISES (ReadError): If it is neither.
    """
    items = json_list(value.strip())
    return [item.strip() for item in (csv_row(value) if items is None else items) if item.strip()]


def json_list(value: str) -> Optional[list[str]]:
    """Parse a JSON list of strings; None if the value does not look like a list.

    RAISES (ReadError): If it looks like a list, but is none.
    """
    if not (value.startswith("[") and value.endswith("]")):
        return None
    try:
        items = json.loads(value)
    except ValueError:
        items = None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ReadError(
            f"Got {value!r}, which looks like a list but is no JSON list of texts. "
            """Write '["a, b", "c"]', in single quotes so that the shell keeps the others, or a,b without brackets."""
        )
    return items


def csv_row(value: str) -> list[str]:
    """Parse a row of CSV.

    RAISES (ReadError): If its quotes are wrong.
    """
    try:
        rows = list(csv.reader([value], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ReadError(
            f"Got {value!r}, which is no list of names separated by commas ({error}). Quote a name that has a comma as a whole: "
            """'"a, b",c', or write a JSON list: '["a, b", "c"]'."""
        ) from None
    return rows[0] if rows else []
