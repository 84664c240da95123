"""The typer application, and what all commands share."""

from contextlib import contextmanager
from typing import Iterator

import typer
from rich.console import Console

from ..errors import SlmNerError

app = typer.Typer(
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


def comma_list(value: str) -> list[str]:
    """Parts of a comma-separated option."""
    return [part.strip() for part in value.split(",") if part.strip()]
