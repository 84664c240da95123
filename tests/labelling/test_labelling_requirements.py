from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.errors import LabelError, ReadError
from spacy_slm_ner.labelling.requirements import require_entities


@Language.component("says_nothing_of_itself")
def says_nothing_of_itself(doc: Doc) -> Doc:
    return doc


@pytest.mark.parametrize(
    ("pipes", "can"),
    [
        pytest.param([], False, id="none"),
        pytest.param([("sentencizer", {})], False, id="sentences"),
        pytest.param([("spancat", {})], False, id="spans"),
        pytest.param([("bio_ner", {"labels": ["A"], "annotate": "spans"})], False, id="our-spans"),
        pytest.param([("bio_ner", {"labels": ["A"], "annotate": "both"})], True, id="both"),
        pytest.param([("sentencizer", {}), ("entity_ruler", {})], True, id="ruler"),
        pytest.param([("ner", {})], True, id="ner"),
        pytest.param([("says_nothing_of_itself", {})], True, id="unknown"),
    ],
)
def test_a_pipeline_has_to_write_entities(pipes: list[tuple[str, dict[str, Any]]], can: bool) -> None:
    nlp = spacy.blank("en")
    for name, config in pipes:
        nlp.add_pipe(name, config=config)
    if can:
        require_entities(nlp, "mine")
    else:
        with pytest.raises(ReadError, match="No component of the pipeline 'mine' writes entities"):
            require_entities(nlp, "mine")


def test_a_component_without_labels_finds_nothing() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("bio_ner")
    with pytest.raises(LabelError, match="'bio_ner' of 'mine' has no labels"):
        require_entities(nlp, "mine")
