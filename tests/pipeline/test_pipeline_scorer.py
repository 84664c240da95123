"""What `spacy train` and `spacy evaluate` see of a component."""

import pickle
from typing import Any

import pytest
from mock_generator import mock_nlp
from spacy.training import Example

from spacy_slm_ner.pipeline.scorer import make_slm_ner_scorer

WORDS = {"Friday": "DATE", "noon": "TIME"}
TEXT = "Friday at noon"


def scores(group: str = "", **config: Any) -> dict[str, Any]:
    """Scores of a pipeline that finds both entities of a text, of which gold has the first."""
    nlp = mock_nlp(WORDS, "cancel" if "cats" in config else "", **config)
    gold = nlp.make_doc(TEXT)
    gold.ents = [gold.char_span(0, 6, "DATE")]
    gold.cats = {"cancel": 1.0, "inquiry": 0.0}
    if group:
        gold.spans[group] = list(gold.ents)
    return nlp.evaluate([Example(nlp.make_doc(TEXT), gold)])


@pytest.mark.parametrize("annotate", ["ents", "spans", "both"])
def test_entities_are_scored_wherever_they_are_written(annotate: str) -> None:
    found = scores(annotate=annotate)
    assert (found["ents_p"], found["ents_r"]) == (0.5, 1.0)
    assert found["ents_per_type"]["TIME"]["p"] == 0.0


def test_the_group_is_scored_as_such_where_gold_has_it() -> None:
    found = scores("mine", annotate="both", spans_key="mine")
    assert (found["spans_mine_p"], found["spans_mine_r"]) == (0.5, 1.0)
    assert "spans_mine_p" not in scores(annotate="both", spans_key="mine")


def test_intents_are_scored_by_the_component_that_writes_them_only() -> None:
    assert scores(cats=True, intents=["cancel", "inquiry"])["cats_score"] is not None
    assert "cats_score" not in scores()


def test_the_scorer_can_be_sent_to_another_process() -> None:
    scorer = make_slm_ner_scorer()
    assert pickle.loads(pickle.dumps(scorer)) is scorer
