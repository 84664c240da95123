import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Sequence

import pytest
import spacy
from click.testing import Result

from spacy_slm_ner.cli._app import comma_list
from spacy_slm_ner.cli._load import blank_pipeline
from spacy_slm_ner.errors import ReadError

COMMANDS = ["base", "check", "convert", "evaluate", "init", "report"]


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
        pytest.param("JOB TITLE,DATE", ["JOB TITLE", "DATE"], id="space-in-a-name"),
        pytest.param('"a, b", c', ["a, b", "c"], id="quoted"),
        pytest.param('["a, b", "c"]', ["a, b", "c"], id="json"),
        pytest.param(' [ "日付", "a: \\"b\\"" ] ', ["日付", 'a: "b"'], id="json-with-escapes"),
        pytest.param("[]", [], id="empty-json"),
        pytest.param("person/actor,[A],<b>", ["person/actor", "[A]", "<b>"], id="marks"),
        pytest.param("6\" disk,O'Neil", ['6" disk', "O'Neil"], id="quotes-inside"),
    ],
)
def test_comma_list(value: str, parts: list[str]) -> None:
    assert comma_list(value) == parts


@pytest.mark.parametrize("value", ["[a, b]", '["a", 7]', '["a" "b"]', '"a, b', '"a" b,c'])
def test_a_list_that_cannot_be_read_is_refused(value: str) -> None:
    with pytest.raises(ReadError, match=r"Got .*which .* JSON list"):
        comma_list(value)


ENCODINGS: dict[str, dict[str, str]] = {
    **{name: {"PYTHONIOENCODING": name} for name in ("cp1252", "utf-8")},
    "C": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
}
# Runs many commands in one process, each with arguments as from a command line, and prints their exit codes last.
DRIVER = """
import json, os, sys
from spacy_slm_ner.cli import app
codes = []
for command in json.loads(sys.argv[1]):
    try:
        app([os.fsdecode(part.encode("utf8", "surrogateescape")) for part in command])
    except SystemExit as end:
        codes.append(end.code)
print()
print(json.dumps(codes))
"""


def run_all(folder: Path, encoding: str, commands: Sequence[Sequence[str]]) -> tuple[list[int], str]:
    """Run commands where a terminal has an encoding. RETURNS: Their exit codes, and all that they printed."""
    ours = ("PYTHONIOENCODING", "PYTHONUTF8", "LC_ALL", "LANG")
    env = {**{key: value for key, value in os.environ.items() if key not in ours}, "COLUMNS": "300", **ENCODINGS[encoding]}
    command = [sys.executable, "-c", DRIVER, json.dumps(commands)]
    done = subprocess.run(command, capture_output=True, cwd=folder, env=env, stdin=subprocess.DEVNULL)
    output = (done.stdout + done.stderr).decode("utf8", "replace")
    assert done.returncode == 0, output
    return json.loads(done.stdout.splitlines()[-1]), output


COMMANDS_THAT_SHOW_RECORDS: list[tuple[list[str], int]] = [
    (["convert", "記録.json", "--output", "out.spacy", "--labels", "時間"], 0),
    (["convert", "記録.json", "--output", "gold.spacy"], 0),
    (["check", "記録.json", "--word", "会", "--on-error", "repair", "--labels", "時間"], 1),
    (["quality", "記録.json", "--output", "q.html"], 0),
    (["split", "記録.json", "parts", "--dev", "0", "--test", "0"], 0),
    (["evaluate", "模型", "gold.spacy", "--output", "figures.json", "--name", "模型"], 0),
    (["report", "figures.json", "--output", "r.html", "--title", "記録"], 0),
    (["review", "記録.json"], 1),
    (["generate", "無い.yml", "out.jsonl"], 1),
    (["convert", "無い.json", "--output", "out.spacy"], 1),
    (["記録"], 2),
]


@pytest.fixture
def japanese(tmp_path: Path) -> Path:
    """Records and a pipeline whose labels, intents and texts no Western encoding has."""
    texts = [f"{'日' * n} 会 {'う' * n}" for n in range(1, 4)]
    records = [{"text": text, "labels": [{"word": "会", "label": "B-日付"}], "intent": "予約 →"} for text in texts]
    (tmp_path / "記録.json").write_text(json.dumps(records), encoding="utf8")
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "日付", "pattern": "会"}])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "模型")
    return tmp_path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_any_text_is_written_to_any_terminal(japanese: Path, encoding: str) -> None:
    """Every command that prints what users wrote, where the terminal has no such letters."""
    commands, codes = zip(*COMMANDS_THAT_SHOW_RECORDS)
    done, output = run_all(japanese, encoding, commands)
    assert done == list(codes), output
    assert ("日付" if encoding == "utf-8" else r"\u65e5\u4ed8") in output


def test_names_that_python_could_not_decode(japanese: Path) -> None:
    """One in Latin-1, the other in UTF-8 where the locale has ASCII alone."""
    names = {"caf\udce9": "caf\ufffd", "\udce6\udc97\udca5": "日"}
    commands = []
    for number, name in enumerate(names):
        shutil.copy(japanese / "記録.json", japanese / f"{name}.json")
        shutil.copytree(japanese / "模型", japanese / name)
        commands += [
            ["quality", f"{name}.json", "--output", f"q{number}.html"],
            ["convert", f"{name}.json", "--output", f"{name}.spacy"],
            ["evaluate", name, f"{name}.spacy", "--output", "figures.json", "--name", name],
            ["report", "figures.json", "--output", f"r{number}.html", "--title", name],
        ]
    codes, output = run_all(japanese, "utf-8", commands)
    assert codes == [0] * len(commands), output
    for number, shown in enumerate(names.values()):
        assert all(shown in (japanese / f"{page}{number}.html").read_text("utf8") for page in "qr")


@pytest.mark.parametrize("lang", ["qq", "", "english", "a.b"])
def test_a_language_that_spacy_does_not_know(lang: str) -> None:
    with pytest.raises(ReadError, match=f"Got the language {lang!r}, which spaCy does not know"):
        blank_pipeline(lang)


@pytest.mark.parametrize(
    ("lang", "packages"), [("ja", "sudachipy sudachidict_core"), ("ko", "natto-py"), ("th", "pythainlp"), ("vi", "pyvi")]
)
def test_a_language_whose_tokenizer_needs_a_package(lang: str, packages: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sudachipy", "natto", "pythainlp", "pyvi"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ReadError, match=f"which spaCy knows, but .* pip install {packages}\\.") as caught:
        blank_pipeline(lang)
    assert ("'xx'" in str(caught.value)) == (lang in ("ko", "vi"))


def test_languages_that_need_no_package() -> None:
    assert [len(blank_pipeline(lang).make_doc("ab cd")) for lang in ("xx", "de", "zh")] == [2, 2, 4]
