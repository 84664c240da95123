"""`annotate` as a user types it."""

import json
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy

Run = Callable[..., Any]
TEXTS = ["Ada Quill met Bo.", "Nobody came.", "", "😀 Zoë is a clerk."]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    nlp = spacy.blank("en")
    patterns = [{"label": "NAME", "pattern": name} for name in ("Ada Quill", "Bo", "Zoë")]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    rows = ({"id": f"id{n}", "body": text, "n": n} for n, text in enumerate(TEXTS))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").split("\n") if line]


def test_convert_reads_what_annotate_writes(run: Run, model: Path, texts: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "out.jsonl"
    arguments = ("annotate", texts, output, "--model", model, "--workers", "1", "--text-column", "body", "--keep", "n")
    result = run(*arguments, "--offsets", "utf16")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"4 texts; {output}: 3 annotated; {output}.errors.jsonl: 1 no_text\n"
    assert [(row["id"], row["n"], len(row["entities"])) for row in lines(output)] == [("id0", 0, 2), ("id1", 1, 0), ("id3", 3, 1)]
    assert lines(output)[2]["entities"][0] == {"start": 3, "end": 6, "label": "NAME", "text": "Zoë", "score": None}
    converted = run("convert", output, "-o", tmp_path / "out.spacy", "--report", tmp_path / "report.json")
    assert converted.stdout.startswith("3 docs (1 without entity; 3 NAME)")
    assert json.loads((tmp_path / "report.json").read_text())["findings"] == []
    assert run(*arguments, "--offsets", "utf16").stdout == result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["texts.jsonl", "out.txt"], "Cannot tell the format of out.txt by its suffix", id="format"),
        pytest.param(["none.jsonl", "out.jsonl"], "none.jsonl is no file, folder or pattern", id="no-input"),
        pytest.param(["texts.jsonl", "texts.jsonl"], "texts.jsonl is among the inputs, texts.jsonl", id="same"),
        pytest.param([".", "out.jsonl"], "out.jsonl is among the inputs, .", id="inside"),
        pytest.param(["texts.jsonl", "o.jsonl", "--keep", "n,text"], "'text' is there already, or given twice", id="keep-text"),
        pytest.param(["texts.jsonl", "o.jsonl", "--keep", "n,n"], "'n' is there already, or given twice", id="keep-twice"),
        pytest.param(["texts.jsonl", "o.jsonl", "--model", "none"], "Cannot find the pipeline 'none'", id="no-model"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], message: str, fails: Callable[..., str], model: Path, texts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(texts.parent)
    given = [] if "--model" in arguments else ["--model", model]
    assert message in fails("annotate", *arguments, *given)
    assert sorted(path.name for path in texts.parent.iterdir()) == ["model", "texts.jsonl"]


def test_a_pipeline_without_entities_is_refused(fails: Callable[..., str], texts: Path, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "without")
    arguments = ("annotate", texts, tmp_path / "o.jsonl", "--model", tmp_path / "without", "--workers", "1")
    assert "writes entities to doc.ents" in fails(*arguments)
