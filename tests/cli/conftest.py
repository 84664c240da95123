import json
from pathlib import Path
from typing import Any, Callable

import pytest
from click.testing import Result
from typer.testing import CliRunner

from spacy_slm_ner.cli import app

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """Runs a command in a terminal wide enough for any line."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "1000"})


@pytest.fixture(scope="session")
def fails(run: Run) -> Callable[..., str]:
    """Runs a command that must end with exit code 1 and a message instead of a traceback; returns the message."""

    def failing(*arguments: Any) -> str:
        result = run(*arguments)
        assert isinstance(result.exception, SystemExit), repr(result.exception)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr

    return failing


def record(text: str, entities: str = "", intent: str = "inquiry") -> dict[str, Any]:
    """A record whose entities are written as "word/LABEL word/LABEL", one word each."""
    pairs = [entity.rsplit("/", 1) for entity in entities.split()]
    return {"text": text, "labels": [{"word": word, "label": f"B-{label}"} for word, label in pairs], "intent": intent}


@pytest.fixture
def write_records(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file of records, each given as its text, its entities as "word/LABEL word/LABEL" and its intent."""

    def write(name: str, *records: tuple[str, ...]) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps({"dataset": [record(*parts) for parts in records]}), encoding="utf8")
        return path

    return write
