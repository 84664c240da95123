"""`label` as a user types it."""

import json
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.pipeline.annotate import add_score_extension

Run = Callable[..., Any]
# Texts of another domain, some with words that the pipelines know, some alike, one empty.
TEXTS = [
    "The Labour Party lost in Leeds.",
    "Nothing happened at all, they said.",
    "The Labour Party lost in Leeds!",
    "In Bonn, the Green Party and the Labour Party agreed.",
    "",
    "A band from Bonn plays tonight; bring friends.",
]


@Language.component("length_as_score")
def length_as_score(doc: Doc) -> Doc:
    """The shorter an entity, the less sure it is."""
    add_score_extension()
    for ent in doc.ents:
        ent._.score = min(len(ent.text) / 20, 1.0)
    return doc


@pytest.fixture
def write_ruler(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, scored: bool = False, **patterns: str) -> Path:
        nlp = spacy.blank("en")
        nlp.add_pipe("entity_ruler").add_patterns(  # type: ignore[attr-defined]
            [{"label": label.replace("_", " "), "pattern": words} for label, words in patterns.items()]
        )
        if scored:
            nlp.add_pipe("length_as_score")
        nlp.to_disk(tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), encoding="utf8")
    return path


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").split("\n") if line]


def test_silver_records_can_be_trained_on(run: Run, write_ruler: Callable, texts: Path, tmp_path: Path) -> None:
    """Every command that reads records takes them, scores and label names with spaces included."""
    model = write_ruler("ruler", scored=True, POLITICAL_PARTY="Labour Party", PLACE="Bonn")
    output = tmp_path / "silver.jsonl"
    result = run("label", texts, output, "--model", model)
    assert (result.exit_code, result.stderr) == (0, "")
    said = f"6 texts; {output}: 5 records; {tmp_path / 'silver.problems.jsonl'}: 1 texts without one\n"
    assert result.stdout == said
    assert lines(output)[0]["labels"] == [
        {"word": "Labour", "label": "B-POLITICAL PARTY", "score": 0.6},
        {"word": "Party", "label": "I-POLITICAL PARTY"},
    ]
    assert run("check", output).exit_code == 0
    assert run("quality", output, "-o", tmp_path / "quality.html").exit_code == 0
    assert run("convert", output, "-o", tmp_path / "silver.spacy").stdout.startswith("5 docs (1 without entity; 2 PLACE, 3 POL")
    assert run("split", output, tmp_path / "parts", "--dev", "0", "--test", "0").exit_code == 0
    kept = json.loads((tmp_path / "parts" / "train.json").read_text(encoding="utf8"))
    assert "en_pipeline-0.0.0 (" in kept["model"]
    assert any("score" in entry for record in kept["dataset"] for entry in record["labels"])


def test_doubtful_records_are_problems_with_a_reason(run: Run, write_ruler: Callable, texts: Path, tmp_path: Path) -> None:
    model = write_ruler("ruler", scored=True, PARTY="Labour Party", PLACE="Bonn")
    assert run("label", texts, tmp_path / "out.jsonl", "--model", model, "--min-score", "0.5").exit_code == 0
    reasons = [row["problems"] for row in lines(tmp_path / "out.problems.jsonl")]
    bonn = ["'Bonn' (PLACE) has the score 0.2, less than 0.5"]
    assert reasons == [bonn, ["the text is empty"], bonn]


def test_the_texts_most_worth_it_are_chosen(run: Run, write_ruler: Callable, texts: Path, tmp_path: Path) -> None:
    model, output = write_ruler("model", PARTY="Labour Party"), tmp_path / "out.jsonl"
    cheap = write_ruler("cheap", scored=True, PARTY="Labour Party", PLACE="Bonn")
    options = ("--model", model, "--worth", "3", "--cheap", cheap)
    result = run("label", texts, output, *options)
    assert result.stdout.startswith("6 texts, 3 of them chosen; ")
    chosen = [record["text"] for record in lines(output)]
    # Of two that are nearly the same, one.
    assert chosen[:2] == [TEXTS[5], TEXTS[3]] and chosen[2] in (TEXTS[0], TEXTS[2])
    assert [row["text"] for row in lines(tmp_path / "out.problems.jsonl")] == [""]
    before = output.read_bytes()
    assert run("label", texts, output, *options).exit_code == 0
    assert output.read_bytes() == before
    against = write_ruler("against", PARTY="Labour Party", PLACE="Leeds")
    assert run("label", texts, tmp_path / "new.jsonl", *options, "--against", against).exit_code == 0
    assert lines(tmp_path / "new.jsonl")[0]["text"] == TEXTS[5]


CONFIG = """
[nlp]
lang = "en"
pipeline = ["slm_ner"]
[components]
[components.slm_ner]
factory = "slm_ner"
labels = {labels}
annotate = "{annotate}"
constrained = false
[components.slm_ner.model]
@architectures = "spacy-slm-ner.OpenAI.v1"
model = "{model}"
temperature = 0.0
[components.slm_ner.format]
@misc = "spacy-slm-ner.Json.v1"
"""


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    def write(labels: str = '["PARTY"]', annotate: str = "ents", model: str = "gpt-4.1-mini") -> Path:
        path = tmp_path / "endpoint.cfg"
        path.write_text(CONFIG.format(labels=labels, annotate=annotate, model=model), encoding="utf8")
        return path

    return write


def test_a_dry_run_needs_no_key_and_writes_nothing(
    run: Run, write_config: Callable, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    result = run("label", texts, tmp_path / "out.jsonl", "--model", write_config(), "--dry-run")
    assert result.exit_code == 0, result.stderr
    assert f"5 texts for {tmp_path / 'endpoint.cfg'}: about 5 requests, " in result.stdout and "tokens: $0.00" in result.stdout
    assert not list(tmp_path.glob("out*"))
    unknown = run("label", texts, tmp_path / "out.jsonl", "--model", write_config(model="llama"), "--dry-run")
    assert "a price is not known, name it with --prices" in unknown.stdout
    (tmp_path / "prices.json").write_text('{"llama": {"input": 1000, "output": 1000}}')
    priced = run(
        "label", texts, tmp_path / "out.jsonl", "--model", write_config(model="llama"), "--dry-run",
        "--prices", tmp_path / "prices.json",
    )  # fmt: skip
    assert "tokens: $" in priced.stdout and "tokens: $0.0" not in priced.stdout


def test_without_a_key_nothing_is_labelled(
    run: Run, write_config: Callable, texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    result = run("label", texts, tmp_path / "out.jsonl", "--model", write_config())
    assert result.exit_code == 1
    assert "Set the environment variable OPENAI_API_KEY" in result.stderr


@pytest.mark.parametrize(
    ("config", "options", "said"),
    [
        pytest.param({}, ["--passes", "3"], "has the temperature 0", id="passes-that-agree"),
        pytest.param(
            {"model": "llama"}, ["--max-cost", "1"], "no price is known for 'llama'. Name one with --prices", id="price"
        ),
        pytest.param({"labels": "[]"}, [], "has no labels", id="no-labels"),
        pytest.param({"annotate": "spans"}, [], "No component of the pipeline", id="spans"),
        pytest.param({}, ["--worth", "3"], "--worth, a number of texts, and --cheap", id="worth-alone"),
        pytest.param({}, ["--cheap", "x"], "need each other", id="cheap-alone"),
        pytest.param({}, ["--against", "x"], "need each other", id="against-alone"),
    ],
)
def test_what_cannot_be_is_refused(
    fails: Callable, write_config: Callable, texts: Path, tmp_path: Path, config: Any, options: list[str], said: str
) -> None:
    assert said in fails("label", texts, tmp_path / "out.jsonl", "--model", write_config(**config), *options)
    assert not (tmp_path / "out.jsonl").exists()


def test_passes_of_a_local_pipeline_are_refused(fails: Callable, write_ruler: Callable, texts: Path, tmp_path: Path) -> None:
    model = write_ruler("ruler", PLACE="Bonn")
    said = fails("label", texts, tmp_path / "out.jsonl", "--model", model, "--passes", "3")
    assert "Got --passes 3, but the pipeline asks no endpoint: it writes the same in each pass." in said


def test_a_pipeline_without_components_is_refused(fails: Callable, texts: Path, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    assert "it has none" in fails("label", texts, tmp_path / "out.jsonl", "--model", tmp_path / "blank")


def test_the_last_file_is_the_output(fails: Callable, write_ruler: Callable, texts: Path, tmp_path: Path) -> None:
    """Who forgets the output does not lose a file of texts."""
    before = texts.read_bytes()
    said = fails("label", tmp_path / "more.jsonl", texts, "--model", write_ruler("ruler", PLACE="Bonn"))
    assert f"{texts} exists, but was not written by `label`" in said
    assert texts.read_bytes() == before
