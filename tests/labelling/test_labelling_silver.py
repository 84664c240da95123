from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from name_server import document
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.labelling.labelling import Labelling, read_labelling
from spacy_slm_ner.labelling.silver import RecordWriter
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog
from spacy_slm_ner.types import ScoredSpan, Span

TEXT = "Ada met the 4 of us at 4."


def entity(words: str, label: str, score: float | None = None, text: str = TEXT) -> ScoredSpan:
    start = text.rindex(words)
    return ScoredSpan(Span(start, start + len(words), label), score)


def write(nlp: Language, found: Labelling, text: str = TEXT, min_score: float = 0.0, id: str | None = None) -> Any:
    return RecordWriter(nlp, "me", min_score).write(document(text, id=id), found)


def test_a_record_has_scores_and_says_who_wrote_it(nlp: Language) -> None:
    found = Labelling((entity("Ada", "JOB TITLE", 0.5), entity("4", "TIME")), "hire", (), ("inexact: 'ada'",))
    assert write(nlp, found, id="a-1").record == {
        "text": TEXT,
        "labels": [
            {"word": "Ada", "label": "B-JOB TITLE", "occurrence": 1, "score": 0.5},
            {"word": "4", "label": "B-TIME", "occurrence": 2},
        ],
        "intent": "hire",
        "model": "me",
        "id": "a-1",
        "remarks": ["inexact: 'ada'"],
    }


@pytest.mark.parametrize("score", [0.0, 0.5, 1.0, None])
def test_every_reader_of_records_takes_a_score(nlp: Language, score: float | None) -> None:
    record = write(nlp, Labelling((entity("Ada", "NAME", score),))).record
    doc, problems = Converter(nlp, DamageLog()).build(record)
    assert doc is not None and [(ent.text, ent.label_) for ent in doc.ents] == [("Ada", "NAME")]
    assert problems == []


def test_an_entity_below_the_least_score_is_a_reason(nlp: Language) -> None:
    found = Labelling((entity("Ada", "NAME", 0.49), entity("us", "NAME"), entity("4", "TIME", 0.5)))
    outcome = write(nlp, found, min_score=0.5)
    assert outcome.record is None
    assert outcome.row["problems"] == ["'Ada' (NAME) has the score 0.49, less than 0.5"]
    assert outcome.row["record"]["labels"][0] == {"word": "Ada", "label": "B-NAME", "score": 0.49}
    assert write(nlp, Labelling(found.entities[1:]), min_score=0.5).row is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(Labelling(problems=("no answer: down",)), "no answer: down", id="problem"),
        pytest.param(Labelling((entity("Ada", "NA\nME"),)), "other ones would be read", id="label-of-two-lines"),
        pytest.param(Labelling((entity("Ad", "NAME"),)), "inside a token", id="inside-a-token"),
    ],
)
def test_what_a_record_cannot_be_trusted_with_is_a_row(nlp: Language, found: Labelling, said: str) -> None:
    record, row = write(nlp, found)
    assert record is None and said in " ".join(row["problems"])


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30), st.data())
def test_what_is_written_is_read_back(nlp: Language, text: str, data: st.DataObject) -> None:
    doc: Doc = nlp.make_doc(text)
    edges = data.draw(st.lists(st.integers(0, len(doc)), max_size=6, unique=True).map(sorted))
    doc.ents = [doc[start:end] for start, end in zip(edges[::2], edges[1::2])]
    doc.ents = [Doc.char_span(doc, ent.start_char, ent.end_char, "A B") for ent in doc.ents]  # type: ignore[misc]
    record, row = RecordWriter(nlp, "me").write(document(text), read_labelling(doc, ()))
    assert (record is None) != (row is None)
    if record is not None and text.strip():
        again, _ = Converter(nlp, DamageLog()).build(record)
        assert again is not None
        assert [(ent.text, ent.label_) for ent in again.ents] == [(ent.text, ent.label_) for ent in doc.ents]
