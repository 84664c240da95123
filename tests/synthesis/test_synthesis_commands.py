"""The commands around generated records, as a user types them."""

import json
import shutil
from pathlib import Path
from typing import Any, Callable

import pytest
import srsly
from project_here import run_project
from scripted_server import Server, faulty
from typer.testing import CliRunner

from spacy_slm_ner.cli import app
from spacy_slm_ner.cli.review import review
from spacy_slm_ner.cli.split import split_records
from spacy_slm_ner.synthesis.spec import Spec

ROOT = Path(__file__).parent.parent.parent


def type_in(*arguments: object, **options: Any) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


@pytest.fixture
def spec_file(make_spec: Callable[..., Spec], tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: Any) -> Path:
        path = tmp_path / "spec.yml"
        path.write_text(srsly.yaml_dumps(make_spec(**changes).model_dump(mode="json")), encoding="utf8")
        return path

    return write


def test_generate_as_typed(key: str, spec_file: Callable[..., Path], tmp_path: Path) -> None:
    with Server(faulty(0.2)) as server:
        path = spec_file(records=30, base_url=server.url)
        budget = type_in("generate", path, tmp_path / "out.jsonl", "--max-requests", 2, "--timeout", 1)
        assert budget.exit_code == 3
        assert "The number of requests is reached. The same command with a larger --max-requests goes on." in budget.output
        done = type_in("generate", path, tmp_path / "out.jsonl", "--timeout", 1)
    assert done.exit_code == 0, done.output
    assert "out.jsonl: 30 records" in done.output and "$0." in done.output


def test_a_refused_key_ends_with_advice(spec_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    with Server() as server:
        result = type_in("generate", spec_file(base_url=server.url), tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "The endpoint refused the key (401)" in result.output and "sk-wrong" not in result.output


def test_no_key_is_said_before_anything_is_asked(
    spec_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = type_in("generate", spec_file(), tmp_path / "out.jsonl")
    assert result.exit_code == 1
    assert "There is no key. Set OPENAI_API_KEY" in result.output


def test_a_dry_run_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = type_in("generate", ROOT / "configs" / "scheduling.yml", tmp_path / "out.jsonl", "--dry-run", "--records", 100)
    assert result.exit_code == 0
    assert result.output.startswith("100 records from gpt-4.1-mini: about 20 requests")
    assert list(tmp_path.iterdir()) == []


RECORDS = [
    {"text": "Come on Friday", "labels": [{"word": "Friday", "label": "B-DATE"}], "intent": "inquiry"},
    {"text": "Friday is off", "labels": [], "intent": "cancel"},
    {"text": "No lunch then", "labels": [], "intent": "cancel"},
]


def write_records(tmp_path: Path, records: list[Any] = RECORDS) -> Path:
    path = tmp_path / "records.jsonl"
    path.write_text("\n".join(map(json.dumps, records)), encoding="utf8")
    return path


def test_review_keeps_what_is_accepted_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_records(tmp_path)
    edited = {**RECORDS[1], "labels": [{"word": "Friday", "label": "B-DATE"}]}
    monkeypatch.setattr("click.edit", lambda text, extension: json.dumps(edited))
    first = type_in("review", path, input="r\nq\n")
    assert "0 accepted, 1 rejected, 2 left" in first.output
    second = type_in("review", path, input="e\na\na\n")
    assert "2 accepted, 1 rejected, 0 left" in second.output, second.output
    reviewed = (tmp_path / "records.reviewed.jsonl").read_text(encoding="utf8").splitlines()
    assert [json.loads(line) for line in reviewed] == [edited, RECORDS[2]]
    assert review(path, tmp_path / "records.reviewed.jsonl") == {"accepted": 2, "rejected": 1, "left": 0}


def test_review_says_what_is_wrong_with_an_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.edit", lambda text, extension: "{not json")
    result = type_in("review", write_records(tmp_path), input="e\na\nq\n")
    assert "Not JSON, so nothing was changed" in result.output
    assert "1 accepted" in result.output


def test_quality_writes_a_page(tmp_path: Path) -> None:
    page = tmp_path / "quality.html"
    result = type_in("quality", write_records(tmp_path), "-o", page, "--spec", ROOT / "configs" / "scheduling.yml")
    assert result.exit_code == 0, result.output
    html = page.read_text(encoding="utf8")
    assert "Come on" in html and "http://" not in html and "https://" not in html.replace("https://www.w3.org", "")


def test_split_says_which_models_wrote_the_records(tmp_path: Path) -> None:
    records = [
        {"text": " ".join(f"w{i}x{k}" for k in range(6)), "labels": [], "intent": "cancel", "model": "gpt-4.1-mini"}
        for i in range(60)
    ]
    counts = split_records(write_records(tmp_path, [*records, {"broken": 1}]), tmp_path / "out", dev=0.2, test=0.2)
    assert counts["train"] + counts["dev"] + counts["test"] == 60 and counts["left_out"] == 1
    train = json.loads((tmp_path / "out" / "train.json").read_text(encoding="utf8"))
    assert train["model"] == "gpt-4.1-mini" and len(train["dataset"]) == counts["train"]


@pytest.mark.workflow
def test_the_workflow_ends_with_records_that_the_project_takes(
    key: str, spec_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("project.yml", "configs", "assets"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    with Server() as server:
        shutil.copy(spec_file(records=200, base_url=server.url), folder / "spec.yml")
        run_project(folder, "generate", monkeypatch, spec="spec.yml")
    parts = [json.loads((folder / "generated" / f"{part}.json").read_text(encoding="utf8")) for part in ("train", "dev", "test")]
    assert sum(len(part["dataset"]) for part in parts) == 200
    assert all(part["dataset"] and part["system_prompt"].startswith("You write training data") for part in parts)
    assert "DATE entities" in (folder / "generated" / "README.md").read_text(encoding="utf8")
