import sys
from pathlib import Path

import spacy

sys.path.insert(0, str(Path(__file__).parent.parent / "formats"))
from format_docs import LABELS
from spacy.tokens import Doc

from spacy_slm_ner.records.doc_to_record import doc_to_record
from spacy_slm_ner.records.record_to_doc import record_to_doc

NLP = spacy.blank("en")


def entities(doc: Doc) -> list[tuple[int, int, str]]:
    return [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def label(text: str, *ents: tuple[int, int, str]) -> Doc:
    doc = NLP(text)
    doc.ents = [spacy.tokens.Span(doc, start, end, name) for start, end, name in ents]
    return doc


def test_the_order_tells_which_word_is_meant() -> None:
    record = doc_to_record(label("Move the 4 PM call on May 4", (2, 4, "TIME"), (6, 8, "DATE")), "inquiry")
    assert [(entry.word, entry.label, entry.occurrence) for entry in record.labels] == [
        ("4", "B-TIME", None),
        ("PM", "I-TIME", None),
        ("May", "B-DATE", None),
        ("4", "I-DATE", None),
    ]
    assert record.intent == "inquiry"


def test_where_the_order_does_not_tell_the_occurrence_does() -> None:
    doc = label("the 4 of us come at 4", (6, 7, "TIME"))
    record = doc_to_record(doc)
    assert record.labels[0].occurrence == 2
    assert entities(record_to_doc(record, NLP, LABELS)[0]) == entities(doc)
