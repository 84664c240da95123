"""`slm_ner` in a pipeline with components of spaCy."""

from pathlib import Path

import pytest
import spacy
from mock_generator import mock_config
from spacy.language import Language
from spacy.tokens import Doc

WORDS = {"Jo Lee": "NAME", "Friday": "DATE", "noon": "TIME"}
PATTERNS = [
    {"label": "ORG", "pattern": "Acme", "id": "acme"},
    {"label": "PERSON", "pattern": "Lee of Acme"},
    {"label": "DAY", "pattern": "Friday"},
]
TEXT = "Acme called. Jo Lee of Acme comes on Friday at noon."
RULER = [("Acme", "ORG"), ("Lee of Acme", "PERSON"), ("Friday", "DAY")]


def entities(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def pipeline(**config: object) -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)  # type: ignore[attr-defined]
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("slm_ner", config=mock_config(WORDS, **config))
    return nlp


@pytest.mark.parametrize(
    ("overwrite", "expected"),
    [
        pytest.param("replace", [("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")], id="replace"),
        pytest.param("merge", [("Acme", "ORG"), ("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")], id="merge"),
        pytest.param("keep", [*RULER, ("noon", "TIME")], id="keep"),
    ],
)
def test_entities_of_a_ruler_are_treated_as_the_policy_says(overwrite: str, expected: list[tuple[str, str]]) -> None:
    assert entities(pipeline(overwrite=overwrite)(TEXT)) == expected


def test_a_ruler_without_a_policy_for_it_is_left_alone_where_spans_are_written() -> None:
    doc = pipeline(annotate="spans", spans_key="found")(TEXT)
    assert entities(doc) == RULER
    assert [(span.text, span.label_) for span in doc.spans["found"]] == [("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")]


def test_ids_of_a_ruler_stay() -> None:
    assert pipeline(overwrite="merge")(TEXT).ents[0].ent_id_ == "acme"


def test_sentences_stay() -> None:
    assert [sent.text for sent in pipeline()(TEXT).sents] == ["Acme called.", "Jo Lee of Acme comes on Friday at noon."]


def test_sentences_may_be_found_behind_it() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", config=mock_config(WORDS))
    nlp.add_pipe("sentencizer")
    doc = nlp(TEXT)
    assert len(list(doc.sents)) == 2
    assert entities(doc) == [("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")]


def test_a_ruler_behind_it_sees_its_entities() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", config=mock_config(WORDS))
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)  # type: ignore[attr-defined]
    # What the ruler finds does not overlap what is there, as its own setting says.
    found = [("Acme", "ORG"), ("Jo Lee", "NAME"), ("Acme", "ORG"), ("Friday", "DATE"), ("noon", "TIME")]
    assert entities(nlp(TEXT)) == found


def test_a_disabled_component_does_nothing() -> None:
    nlp = pipeline()
    with nlp.select_pipes(disable=["slm_ner"]):
        assert entities(nlp(TEXT)) == RULER
    assert entities(nlp(TEXT)) != RULER


def test_it_works_alone() -> None:
    nlp = pipeline(overwrite="keep")
    with nlp.select_pipes(enable="slm_ner"):
        doc = nlp(TEXT)
    assert entities(doc) == [("Jo Lee", "NAME"), ("Friday", "DATE"), ("noon", "TIME")]
    assert not doc.has_annotation("SENT_START")


def test_two_of_them_add_to_each_other() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("slm_ner", name="days", config=mock_config({"Friday": "DATE"}, save_io=True))
    nlp.add_pipe("slm_ner", name="people", config=mock_config({"Jo Lee": "NAME"}, overwrite="merge", save_io=True))
    doc = nlp(TEXT)
    assert entities(doc) == [("Jo Lee", "NAME"), ("Friday", "DATE")]
    assert {"days", "people"} <= set(doc.user_data)


@pytest.mark.parametrize("overwrite", ["replace", "merge", "keep"])
def test_the_whole_pipeline_survives_to_disk(overwrite: str, tmp_path: Path) -> None:
    nlp = pipeline(overwrite=overwrite, annotate="both", threshold=0.5)
    nlp.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert again.pipe_names == ["entity_ruler", "sentencizer", "slm_ner"]
    assert again(TEXT).to_bytes() == nlp(TEXT).to_bytes()


def test_the_whole_pipeline_survives_to_bytes() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("slm_ner", config=mock_config(WORDS, annotate="both"))
    again = spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert again(TEXT).to_bytes() == nlp(TEXT).to_bytes()


def test_a_stored_pipeline_can_leave_it_out(tmp_path: Path) -> None:
    pipeline().to_disk(tmp_path)
    assert entities(spacy.load(tmp_path, exclude=["slm_ner"])(TEXT)) == RULER


def test_it_says_what_it_assigns() -> None:
    analysis = pipeline().analyze_pipes(keys=["assigns"])
    assert {"doc.spans", "doc.cats", "span._.score"} < set(analysis["summary"]["slm_ner"]["assigns"])
    assert analysis["summary"]["slm_ner"]["assigns"][:2] == ["doc.ents", "token.ent_iob"]
