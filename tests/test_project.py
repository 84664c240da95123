"""The command lines of project.yml, as weasel makes them, for variables of any value."""

import json
from pathlib import Path
from typing import Any

import pytest
from project_here import run_project
from sample_project import SAMPLE
from weasel.util import load_project_config, split_command

from spacy_slm_ner.scaffold.render import pipeline_files

ROOT = Path(__file__).parent.parent
LISTS = ("labels", "intents", "disjoint")
TEXTS = (
    "records",
    "spec",
    "trf_base",
    "slm_base",
    "forms",
    "word",
    "report_title",
)
# As they are given on the command line of weasel, and as the commands should get them.
VALUES: list[tuple[str, Any, str]] = [
    *[(name, value, value) for name in LISTS for value in ("", "JOB TITLE,DATE", "person/actor,<b>", "日付", "[x]", "C&A; *")],
    *[(name, ["a, b", "c"], json.dumps(["a, b", "c"])) for name in LISTS],
    *[(name, value, value) for name in TEXTS for value in ("my data", "Ann's data", "Größe/日本")],
    *[(name, "", "") for name in ("forms", "word", "report_title")],
]


@pytest.mark.parametrize("name", pipeline_files(SAMPLE))
def test_a_file_of_the_sample_is_what_its_template_gives(name: str) -> None:
    given = pipeline_files(SAMPLE)[name]
    assert (ROOT / name).read_text(encoding="utf8") == given, f"edit the template of {name}, then `make project`"


@pytest.fixture(scope="module")
def as_written() -> list[tuple[str, list[str]]]:
    """Name and arguments of each command, with the names of its variables in them."""
    config = load_project_config(ROOT, interpolate=False)
    return [(command["name"], split_command(line)) for command in config["commands"] for line in command["script"]]


@pytest.mark.parametrize(("name", "value", "given"), VALUES, ids=lambda part: str(part))
def test_a_variable_stays_one_argument(as_written: list[tuple[str, list[str]]], name: str, value: Any, given: str) -> None:
    config = load_project_config(ROOT, overrides={f"vars.{name}": value})
    lines = [split_command(line) for command in config["commands"] for line in command["script"]]
    used = 0
    for (command, parts), line in zip(as_written, lines, strict=True):
        assert len(line) == len(parts), command
        places = [i for i, part in enumerate(parts) if f"${{vars.{name}}}" in part]
        assert [line[i] for i in places] == [parts[i].replace(f"${{vars.{name}}}", given) for i in places], command
        used += len(places)
    assert used


PROJECTS = [ROOT, *(path.parent for path in sorted(ROOT.glob("projects/*/project.yml")))]


@pytest.mark.parametrize("folder", PROJECTS, ids=lambda folder: folder.name)
def test_commands_of_a_project_fit_together(folder: Path) -> None:
    """Every file that a command needs is in the repository, given by the user, or made by a command before."""
    config = load_project_config(folder)
    commands = {command["name"]: command for command in config["commands"]}
    given = [value for value in config["vars"].values() if isinstance(value, str)]
    for workflow in config["workflows"].values():
        made: set[str] = set()
        for command in (commands[name] for name in workflow):
            lost = [dep for dep in command.get("deps", ()) if dep not in made and not (folder / dep).exists()]
            assert [dep for dep in lost if dep not in given] == [], command["name"]
            made |= set(command.get("outputs", ()))


RECORDS = [
    {"text": "Der Koch heißt Emil Fuchs", "labels": [{"word": "koch", "label": "B-JOB TITLE"}]},
    {"text": "Unsere Gärtnerin kommt morgen", "labels": [{"word": "Gärtnerin", "label": "B-JOB TITLE"}], "intent": "frage"},
    {"text": "In Rom gibt es viel zu sehen", "labels": [{"word": "Rom", "label": "B-place, city"}]},
]


@pytest.mark.workflow
def test_records_of_another_domain_are_checked_and_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another language, other labels, few intents, no README, a word in another case, and spaces in the name of the folder."""
    (tmp_path / "project.yml").write_text((ROOT / "project.yml").read_text(encoding="utf8"), encoding="utf8")
    for folder in ("my records", "assets"):
        (tmp_path / folder).mkdir()
    (tmp_path / "assets" / "forms.json").write_text((ROOT / "assets" / "forms.json").read_text(encoding="utf8"), encoding="utf8")
    for name, record in zip(("train", "dev", "test"), RECORDS):
        (tmp_path / "my records" / f"{name}.json").write_text(json.dumps([record]), encoding="utf8")
    variables = {"records": "my records", "lang": "de", "intents": "", "labels": '["JOB TITLE", "place, city"]'}
    for command in ("check", "convert"):
        run_project(tmp_path, command, monkeypatch, **variables)
    assert "| JOB TITLE entities | 1 | 1 | 0 |" in (tmp_path / "my records" / "README.md").read_text(encoding="utf8")
    accounts = [
        json.loads((tmp_path / "corpus" / f"{name}.json").read_text(encoding="utf8")) for name in ("train", "dev", "test")
    ]
    assert [account["entities"] for account in accounts] == [{"JOB TITLE": 1}, {"JOB TITLE": 1}, {"place, city": 1}]
    assert [account["intents"] for account in accounts] == [[], ["frage"], []]
