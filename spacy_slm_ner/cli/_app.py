"""The typer application, and what all commands share."""

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
    """A typer application that writes any text to any terminal."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command line."""
        escape_unwritable()
        return super().__call__(*args, **kwargs)


def escape_unwritable() -> None:
    """Let stdout and stderr write `\\uXXXX` for what their encoding does not have, such as `日` in cp1252, instead of failing."""
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
    """End with a message and exit code 1, not with a traceback, where the input is at fault."""
    try:
        yield
    except SlmNerError as error:
        stderr.print(f"Error: {type(error).__name__}: {error}", markup=False, soft_wrap=True, style="red")
        raise typer.Exit(1) from None


def decode_argument(text: str) -> str:
    """An argument or a file name as text that any file can hold: what Python could not decode is read as UTF-8, or marked."""
    return text.encode("utf8", "surrogateescape").decode("utf8", "replace")


def comma_list(value: str) -> list[str]:
    """Parts of a comma-separated option: `a,b`, `"a, b",c` with quotes as in CSV, or a JSON list `["a, b", "c"]`.

    RETURNS (list[str]): The parts, without white space at their ends and without empty ones.
    RAISES (ReadError): If it is neither.
    """
    parts = json_list(value.strip())
    return [part.strip() for part in (csv_row(value) if parts is None else parts) if part.strip()]


def json_list(value: str) -> Optional[list[str]]:
    """The texts of a JSON list; None if the value does not look like a list."""
    if not (value.startswith("[") and value.endswith("]")):
        return None
    try:
        parts = json.loads(value)
    except ValueError:
        parts = None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ReadError(
            f"Got {value!r}, which looks like a list but is no JSON list of texts. "
            """Write '["a, b", "c"]', in single quotes so that the shell keeps the others, or a,b without brackets."""
        )
    return parts


def csv_row(value: str) -> list[str]:
    try:
        rows = list(csv.reader([value], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise ReadError(
            f"Got {value!r}, which is no list of names separated by commas ({error}). Quote a name that has a comma as a whole: "
            """'"a, b",c', or write a JSON list: '["a, b", "c"]'."""
        ) from None
    return rows[0] if rows else []
