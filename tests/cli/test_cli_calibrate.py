from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
import spacy
from click.testing import Result
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from spacy_slm_ner.cli.calibrate import calibrate
from spacy_slm_ner.errors import EvaluationError
from spacy_slm_ner.pipeline.annotate import add_score_extension

Run = Callable[..., Result]


class Certain:
    """Finds every word, and is sure of it, though only names are right."""

    temperature = 2.0

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def score_ents(self, docs: list[Doc]) -> None:
        add_score_extension()
        for doc in docs:
            doc.ents = [Span(doc, i, i + 1, label="NAME") for i in range(len(doc))]
            for ent in doc.ents:
                ent._.score = 0.99

    def to_disk(self, path: Path, exclude: Any = ()) -> None:
        path.write_text(str(self.temperature), encoding="utf8")

    def from_disk(self, path: Path, exclude: Any = ()) -> "Certain":
        self.temperature = float(path.read_text(encoding="utf8"))
        return self


class Blind(Certain):
    """Finds nothing."""

    def score_ents(self, docs: list[Doc]) -> None:
        for doc in docs:
            doc.ents = []


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Path]:
    Language.factory("certain", func=lambda nlp, name: Certain())
    nlp = spacy.blank("en")
    nlp.add_pipe("certain")
    nlp.to_disk(tmp_path / "model")
    yield tmp_path / "model"


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=["Ada", "comes", "with", "Bob"], ents=["B-NAME", "O", "O", "B-NAME"]) for _ in range(5)]
    DocBin(docs=docs).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "dev.spacy"


def test_calibrated_scores_are_stored_with_the_pipeline(pipeline: Path, dev: Path, tmp_path: Path) -> None:
    found = calibrate(str(pipeline), dev, tmp_path / "calibrated")
    # Half of the entities are right, so the fitted scores come near to a half.
    assert found["before"] == pytest.approx(0.49)
    assert found["after"] < 0.15
    assert found["temperature"] == pytest.approx(10.0, rel=0.01)
    assert spacy.load(tmp_path / "calibrated").get_pipe("certain").temperature == found["temperature"]


def test_command_says_what_it_did(run: Run, pipeline: Path, dev: Path, tmp_path: Path) -> None:
    result = run("calibrate", pipeline, dev, tmp_path / "calibrated")
    assert result.exit_code == 0
    assert "certain: temperature 10.0" in result.output
    assert "on 20 entities" in result.output


def test_a_pipeline_without_scores_is_refused(dev: Path, tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(EvaluationError, match=r"Got the component None, those with a temperature are: none"):
        calibrate(str(tmp_path / "blank"), dev, tmp_path / "out")


def test_an_unknown_component_is_refused(pipeline: Path, dev: Path, tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"Got the component 'ner', those with a temperature are: certain"):
        calibrate(str(pipeline), dev, tmp_path / "out", "ner")


def test_a_pipeline_that_finds_nothing_is_stored_as_it_is(run: Run, tmp_path: Path) -> None:
    DocBin(docs=[Doc(spacy.blank("en").vocab, words=["nothing", "here"], ents=["O", "O"])]).to_disk(tmp_path / "dev.spacy")
    Language.factory("blind", func=lambda nlp, name: Blind())
    nlp = spacy.blank("en")
    nlp.add_pipe("blind")
    nlp.to_disk(tmp_path / "model")
    result = run("calibrate", tmp_path / "model", tmp_path / "dev.spacy", tmp_path / "calibrated")
    assert result.exit_code == 0
    assert "blind found no entity in the data, so there are no scores to calibrate: temperature 1.00" in result.output
    assert spacy.load(tmp_path / "calibrated").get_pipe("blind").temperature == 1.0
