"""Conversion of record files and CoNLL files to Docs, with a log of all damage."""

from json import JSONDecodeError
from pathlib import Path
from typing import Iterable, Iterator, Literal, Optional, Sequence, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import ReadError
from ..labels import Scheme, check_scheme, detect_scheme
from .damage import DamageLog, Finding
from .look_alikes import describe_entries
from .mentions import Problem
from .read_annotations import Annotation, is_annotation, parse_annotation
from .read_conll import FIRST_AND_LAST, ColumnChoice, read_conll_sentences
from .read_json import Payload, read_payloads
from .record_to_doc import annotation_to_doc, record_to_doc, sentence_to_doc
from .schema import Record, parse_record

Format = Literal["records", "conll"]

SUFFIXES: dict[str, Format] = {
    ".json": "records",
    ".jsonl": "records",
    ".ndjson": "records",
    ".conll": "conll",
    ".txt": "conll",
    ".tsv": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
}


class Converter:
    """Converts files to Docs, and reports their damage.

    nlp (Language): Pipeline that gives the tokenizer and the vocabulary of the Docs.
    damage_log (DamageLog): Log of the findings, with the policy for damaged records.
    labels (Sequence[str]): Allowed labels; empty for any.
    intents (Sequence[str]): All intents; empty to collect them from the files.
    scheme (Optional[Scheme]): Tagging scheme of CoNLL files; None to detect it for each file.
    columns (ColumnChoice): Columns of CoNLL files that hold the words and the tags.
    """

    def __init__(
        self,
        nlp: Language,
        damage_log: DamageLog,
        labels: Sequence[str] = (),
        intents: Sequence[str] = (),
        scheme: Optional[Scheme] = None,
        columns: ColumnChoice = FIRST_AND_LAST,
    ) -> None:
        self.nlp = nlp
        self.damage_log = damage_log
        self.labels = labels
        self.intents = intents
        self.scheme = scheme
        self.columns = columns
        # Scheme of each CoNLL file, and source of each text, for duplicates.
        self.schemes: dict[str, Scheme] = {}
        self._sources: dict[str, str] = {}

    def convert(self, paths: Sequence[Path], format: Optional[Format] = None) -> list[Doc]:
        """Convert files, in the order given.

        paths (Sequence[Path]): The files.
        format (Optional[Format]): Their format; None to detect it by the suffix.
        RETURNS (list[Doc]): One Doc for each record or sentence that was kept.
        RAISES (ReadError): If a file cannot be read.
        RAISES (DamageError): At the first damage, if the policy is "fail".
        """
        formats = [(path, format or format_of(path)) for path in paths]
        payloads = {path: list(read_payloads(path)) for path, kind in formats if kind == "records"}
        if payloads and not self.intents:
            self.intents = collect_intents(payload for numbered in payloads.values() for _, payload in numbered)
        docs: list[Doc] = []
        for path, kind in formats:
            docs += self._convert_records(path, payloads[path]) if kind == "records" else self._convert_conll(path)
        return docs

    def build(self, payload: Payload) -> tuple[Optional[Doc], list[Problem]]:
        """Build the Doc of a record.

        payload (Payload): The record as it was read from JSON.
        RETURNS (tuple[Optional[Doc], list[Problem]]): The Doc, None if the record has none, and the damage.
        """
        record = entry_or_problem(payload)
        if isinstance(record, Problem):
            return None, [record]
        if not record.text.strip():
            return None, [Problem("empty_text", f"got {record.text!r}")]
        if record.text in self._sources:
            return None, [Problem("duplicate_text", f"first in {self._sources[record.text]}")]
        to_doc = annotation_to_doc if isinstance(record, Annotation) else record_to_doc
        return to_doc(record, self.nlp, self.labels, self.intents)  # type: ignore[arg-type]

    def _convert_records(self, path: Path, numbered: Sequence[tuple[int, Payload]]) -> Iterator[Doc]:
        payloads = [payload for _, payload in numbered]
        if all(isinstance(entry_or_problem(payload), Problem) for payload in payloads):
            raise ReadError(explain_no_records(path, payloads))
        for number, payload in numbered:
            text = payload.get("text", "") if isinstance(payload, dict) else str(payload)
            doc, problems = self.build(payload)
            if self._is_kept(path, number, str(text), problems) and doc is not None:
                self._sources[doc.text] = f"{path}, record {number}"
                yield doc

    def _convert_conll(self, path: Path) -> Iterator[Doc]:
        sentences = read_conll_sentences(path, self.columns)
        tags = [sentence.tags for sentence in sentences if not sentence.fault]
        scheme = self.scheme or detect_scheme(tags)
        check_scheme(tags, scheme)
        self.schemes[str(path)] = scheme
        for sentence in sentences:
            doc, problems = sentence_to_doc(sentence, self.nlp, scheme)
            if self._is_kept(path, sentence.line, doc.text if doc else "", problems) and doc is not None:
                yield doc

    def _is_kept(self, path: Path, number: int, text: str, problems: Sequence[Problem]) -> bool:
        """Log the problems of a record. RETURNS (bool): Whether the record is kept."""
        findings = [Finding(str(path), number, kind, reason, text[:120]) for kind, reason in problems]
        for finding in findings:
            self.damage_log.add(finding)
        return not self.damage_log.drops_record(findings)


def explain_no_records(path: Path, payloads: Sequence[Payload]) -> str:
    """Explain what a file without a single record holds, and what to do."""
    first = next((found for payload in payloads for found in [entry_or_problem(payload)] if isinstance(found, Problem)), None)
    if first is None:
        return f'{path} holds no records. A record file is {{"dataset": [...]}} with at least one record in it.'
    advice = describe_entries(payloads) or "Correct the records."
    return f"{path} holds no records: none of its {len(payloads)} entries is one. {advice} The first: {first.reason}."


def entry_or_problem(payload: Payload) -> Union[Record, Annotation, Problem]:
    """Return the record of a payload, or its text with entities by their offsets; or its fault."""
    if not is_annotation(payload):
        return record_or_problem(payload)
    try:
        return parse_annotation(payload)
    except ValueError as error:
        return Problem("invalid_record", str(error))


def record_or_problem(payload: Payload) -> Union[Record, Problem]:
    """Return the record of a payload, or its fault."""
    if isinstance(payload, JSONDecodeError):
        return Problem("invalid_record", f"not JSON: {payload.msg} in column {payload.colno}")
    try:
        return parse_record(payload)
    except ValueError as error:
        return Problem("invalid_record", str(error))


def collect_intents(payloads: Iterable[Payload]) -> list[str]:
    """Return all intents of some records, sorted.

    payloads (Iterable[Payload]): The records as they were read from JSON.
    """
    records = map(entry_or_problem, payloads)
    return sorted({record.intent for record in records if not isinstance(record, Problem) and record.intent})


def format_of(path: Path) -> Format:
    """Return the format of a file by its suffix.

    RAISES (ReadError): If the suffix is not known.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ReadError(
            f"Cannot tell the format of {path} by its suffix. Known are {', '.join(SUFFIXES)}. "
            "Name it: --format records or conll."
        )
    return SUFFIXES[path.suffix.lower()]
