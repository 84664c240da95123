import subprocess
import sys
from typing import Callable

import pytest
from click.testing import Result

from spacy_slm_ner.cli._app import comma_list

COMMANDS = ["base", "check", "convert", "evaluate", "report"]


def test_help_lists_every_command(run: Callable[..., Result]) -> None:
    lines = run("--help").stdout.splitlines()
    assert [name for name in COMMANDS if any(line.strip("│ ").startswith(f"{name} ") for line in lines)] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Callable[..., Result], command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.stdout


def test_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "spacy_slm_ner", "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m spacy_slm_ner " in done.stdout


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("DATE", ["DATE"], id="one"),
        pytest.param("DATE, TIME ,", ["DATE", "TIME"], id="spaces-and-a-last-comma"),
    ],
)
def test_comma_list(value: str, parts: list[str]) -> None:
    assert comma_list(value) == parts
