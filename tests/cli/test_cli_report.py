from pathlib import Path
from typing import Callable

import pytest
import spacy
import srsly
from click.testing import Result
from spacy.tokens import Doc

from spacy_slm_ner.evaluation.evaluate import evaluate_docs

Run = Callable[..., Result]


@pytest.fixture
def metrics(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the metrics file of a pipeline that finds nothing in one text."""
    nlp = spacy.blank("en")
    gold = Doc(nlp.vocab, words=["Ada", "comes"], ents=["B-NAME", "O"])

    def write(name: str) -> Path:
        names = {"name": name, "model": "training/model", "data": "corpus/test.spacy", "machine": "a machine", "megabytes": 1.5}
        srsly.write_json(tmp_path / f"{name}.json", {**names, **evaluate_docs(nlp, [gold]).to_dict()})
        return tmp_path / f"{name}.json"

    return write


def test_page_is_written_into_a_new_folder(run: Run, metrics: Callable, tmp_path: Path) -> None:
    target = tmp_path / "new" / "index.html"
    result = run("report", metrics("first"), metrics("second"), "--output", target, "--title", "Müller & Söhne")
    assert result.exit_code == 0
    assert result.stdout.endswith(f"2 pipelines -> {target}\n")
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("│")] == ["first", "second"]
    page = target.read_text(encoding="utf8")
    assert "<h1>Müller &amp; Söhne</h1>" in page
    assert page.index("<th>first</th>") < page.index("<th>second</th>")
    assert page.count("<article") == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "Error: ReadError: Cannot read the metrics: ", id="no-file"),
        pytest.param("<html>", "Error: ReadError: Cannot read the metrics: ", id="no-json"),
        *(
            pytest.param(
                content,
                "Error: ReadError: ",
                id=name,
            )
            for name, content in [("another-object", '{"dataset": []}'), ("no-object", "[1]")]
        ),
    ],
)
def test_metrics_that_cannot_be_read(fails: Callable, tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "metrics.json").write_text(content)
    said = fails("report", tmp_path / "metrics.json", "-o", tmp_path / "index.html")
    assert message in said
    assert not (tmp_path / "index.html").exists()
