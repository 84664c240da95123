from typing import Callable

import pytest
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.labelling.labelling import Labelling
from spacy_slm_ner.labelling.worth import disagreement, doubt, measure_worth
from spacy_slm_ner.pipeline.annotate import add_score_extension
from spacy_slm_ner.types import ScoredSpan, Span


def found(*scores: float | None) -> Labelling:
    return Labelling(tuple(ScoredSpan(Span(i, i + 1, "NAME"), score) for i, score in enumerate(scores)))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([], 0.0, id="no-entity"),
        pytest.param([None], 0.0, id="no-score"),
        pytest.param([1.0, 1.0], 0.0, id="sure"),
        pytest.param([0.2], 0.8, id="one"),
        pytest.param([1.0, 0.2], (0.4 + 0.8) / 2, id="mean-and-least-sure"),
        pytest.param([None, 0.2], 0.8, id="some-without"),
    ],
)
def test_doubt_is_that_of_all_entities_and_of_the_least_sure(scores: list[float | None], expected: float) -> None:
    assert doubt(found(*scores)) == pytest.approx(expected)


def test_disagreement_is_the_share_of_entities_that_one_alone_has() -> None:
    assert disagreement(found(), found()) == disagreement(found(0.1, 0.2), found(0.9, None)) == 0.0
    assert disagreement(found(0.1), found()) == 1.0
    assert disagreement(found(0.1, 0.2), found(0.1)) == 0.5


def score_first(doc: Doc) -> Doc:
    add_score_extension()
    for ent in doc.ents:
        ent._.score = 0.25
    return doc


@Language.component("score_of_tests")
def score_of_tests(doc: Doc) -> Doc:
    return score_first(doc)


def test_the_pipelines_are_asked_batch_by_batch(make_ruler: Callable[..., Language]) -> None:
    cheap = make_ruler(NAME="Ada")
    cheap.add_pipe("score_of_tests")
    texts = ["Ada", "Bo"] * 200
    assert [one.doubt for one in measure_worth(texts, cheap)] == [0.75, 0.0] * 200
    against = measure_worth(texts, cheap, make_ruler(NAME="Bo"))
    assert [one.disagreement for one in against] == [1.0] * 400


def test_a_pipeline_without_scores_needs_another_one(make_ruler: Callable[..., Language]) -> None:
    with pytest.raises(ReadError, match=r"gives its entities no scores.*name another pipeline with --against"):
        measure_worth(["Ada"], make_ruler(NAME="Ada"))
    worth = measure_worth(["Ada", "Bo"], make_ruler(NAME="Ada"), make_ruler(NAME="Ada", JOB="Bo"))
    assert [one.disagreement for one in worth] == [0.0, 1.0]
