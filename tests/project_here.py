"""A project run in this process, where its commands need not load torch and transformers, as each does alone."""

import warnings
from pathlib import Path
from typing import Any, Sequence

import pytest
from spacy.cli._util import app as spacy_app
from typer.main import get_command
from weasel.cli import run as weasel_run
from weasel.util import parse_config_overrides, run_command

from spacy_slm_ner.cli import app

APPS = {"spacy": spacy_app, "spacy_slm_ner": app}


def run_here(command: Sequence[str], capture: bool = False, **settings: Any) -> None:
    """Run a command of a project: `python -m` and a program.

    Packaging, which imports what it makes, and other programs run in processes of their own.
    """
    program, *arguments = command[2:]
    if program not in APPS or arguments[0] == "package":
        run_command(command, capture=capture, **settings)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = get_command(APPS[program])(arguments, standalone_mode=False)
    assert not done, f"{' '.join(command)} ended with {done}"


def run_project(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, **variables: object) -> None:
    """Run a workflow or a command of a project.

    variables (object): Values for its variables.
    """
    monkeypatch.setattr(weasel_run, "run_command", run_here)
    overrides = [part for name, value in variables.items() for part in (f"--vars.{name}", str(value))]
    weasel_run.project_run(folder, name, overrides=parse_config_overrides(overrides))
