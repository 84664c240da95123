"""Silver records, and rows for texts that have none."""

from typing import Any, NamedTuple, Optional

from spacy.language import Language
from spacy.tokens import Doc

from ..documents.read import Document
from ..records.doc_to_record import doc_to_record
from ..records.record_to_doc import record_to_doc
from ..records.schema import parse_record
from ..types import ScoredSpan
from .labelling import Labelling


class Outcome(NamedTuple):
    """The result for a text: a record or a row, never both.

    record (Optional[dict[str, Any]]): Line for the file of records.
    row (Optional[dict[str, Any]]): Line for the file of problems.
    """

    record: Optional[dict[str, Any]]
    row: Optional[dict[str, Any]]


class RecordWriter(NamedTuple):
    """Writes records.

    nlp (Language): Pipeline whose tokenizer makes the tokens.
    model (str): Who labels the texts.
    min_score (float): Least score of an entity; one without a score is kept.
    """

    nlp: Language
    model: str
    min_score: float = 0.0

    def write(self, document: Document, found: Labelling) -> Outcome:
        """Write the record of a text, or its row if there is a reason not to trust it."""
        try:
            doc = annotate(self.nlp, document.text, found)
            record = self._record(doc, document, found)
        except ValueError as error:
            return Outcome(None, problem_row(document, [*found.problems, f"a record cannot hold it: {error}"]))
        problems = [*found.problems, *(self._doubt(one, document.text) for one in found.entities if self._is_doubtful(one))]
        if not is_read_back(record, doc, self.nlp):
            problems.append("a record cannot hold these entities: other ones would be read from it")
        return Outcome(None, problem_row(document, problems, record)) if problems else Outcome(record, None)

    def _record(self, doc: Doc, document: Document, found: Labelling) -> dict[str, Any]:
        """Write the record of a Doc. What it holds beyond the schema is kept by all that read it."""
        written = doc_to_record(doc, found.intent, [one.score for one in found.entities]).model_dump(exclude_none=True)
        more = {"model": self.model, "id": document.id, "remarks": list(found.remarks)}
        return {**written, **{name: value for name, value in more.items() if value not in (None, "", [])}}

    def _is_doubtful(self, one: ScoredSpan) -> bool:
        return one.score is not None and one.score < self.min_score

    def _doubt(self, one: ScoredSpan, text: str) -> str:
        (start, end, label), score = one
        return f"{text[start:end]!r} ({label}) has the score {score}, less than {self.min_score}"


def annotate(nlp: Language, text: str, found: Labelling) -> Doc:
    """Make the Doc of a text with its entities.

    RAISES (ValueError): If they are no ranges of tokens.
    """
    doc = nlp.make_doc(text)
    spans = [doc.char_span(*span) for span, _ in found.entities]
    if None in spans:
        raise ValueError("an entity begins or ends inside a token")
    doc.set_ents([span for span in spans if span is not None], default="outside")
    return doc


def is_read_back(record: dict[str, Any], doc: Doc, nlp: Language) -> bool:
    """Whether a record gives the entities of its Doc back."""
    again, _ = record_to_doc(parse_record(record), nlp)
    return [(ent.start, ent.end, ent.label_) for ent in again.ents] == [(ent.start, ent.end, ent.label_) for ent in doc.ents]


def problem_row(document: Document, problems: list[str], record: Optional[dict[str, Any]] = None) -> dict[str, Any]:
    """Write the row of a text without a record.

    document (Document): The text.
    problems (list[str]): Why it has none.
    record (Optional[dict[str, Any]]): The record that it would have; None if there is none.
    """
    row = {"file": document.file, "number": document.number, "id": document.id, "text": document.text, "problems": problems}
    return {name: value for name, value in {**row, "record": record}.items() if value is not None}
