"""Files of records or CoNLL columns to Docs, with an account of all damage."""

from dataclasses import dataclass, field
from json import JSONDecodeError
from pathlib import Path
from typing import Callable, Iterable, Iterator, Literal, Optional, Sequence, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import ReadError
from ..labels import Scheme, check_scheme, detect_scheme
from .build import record_to_doc, sentence_to_doc
from .damage import DamageLog, Finding
from .look_alikes import describe_entries
from .mentions import Problem
from .read_conll import FIRST_AND_LAST, ColumnChoice, read_conll_sentences
from .read_json import Payload, read_payloads
from .schema import Record, parse_record

Format = Literal["records", "conll"]
Built = tuple[Optional[Doc], list[Problem]]

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


@dataclass
class Converter:
    """What to convert and how.

    nlp (Language): Tokenizer and vocabulary of the Docs.
    damage_log (DamageLog): Takes the findings, under a policy.
    labels (Sequence[str]): Allowed labels; empty for any.
    intents (Sequence[str]): All intents; empty to take those that the files name.
    columns (ColumnChoice): Columns of CoNLL files that hold the words and the tags.
    scheme (Optional[Scheme]): Tagging scheme of CoNLL files; None to detect it for each file.
    schemes (dict[str, Scheme]): The scheme that each CoNLL file was read in.
    """

    nlp: Language
    damage_log: DamageLog
    labels: Sequence[str] = ()
    intents: Sequence[str] = ()
    scheme: Optional[Scheme] = None
    schemes: dict[str, Scheme] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    columns: ColumnChoice = FIRST_AND_LAST

    def convert(self, paths: Sequence[Path], format: Optional[Format] = None) -> list[Doc]:
        """Convert files, in the order given.

        paths (Sequence[Path]): The files.
        format (Optional[Format]): What they are; None to tell by the suffix.
        RETURNS (list[Doc]): One Doc for each record or sentence that was kept.
        RAISES (ReadError): If a file cannot be read. (DamageError): At the first damage, if the policy is "fail".
        """
        formats = [format or format_of(path) for path in paths]
        if "records" in formats and not self.intents:
            self.intents = collect_intents(path for path, kind in zip(paths, formats) if kind == "records")
        readers: dict[Format, Callable[[Path], Iterator[Doc]]] = {"records": self._records, "conll": self._conll}
        return [doc for path, kind in zip(paths, formats) for doc in readers[kind](path)]

    def _records(self, path: Path) -> Iterator[Doc]:
        payloads = list(read_payloads(path))
        if not any(isinstance(record_or_problem(payload), Record) for _, payload in payloads):
            raise ReadError(explain_no_records(path, [payload for _, payload in payloads]))
        for number, payload in payloads:
            text = payload.get("text", "") if isinstance(payload, dict) else str(payload)
            doc, problems = self.build(payload)
            if self._keep(path, number, str(text), problems) and doc is not None:
                self.seen[doc.text] = f"{path}, record {number}"
                yield doc

    def build(self, payload: Payload) -> Built:
        """The Doc of a record, and what is wrong with it; None if nothing can be made of it."""
        record = record_or_problem(payload)
        if isinstance(record, Problem):
            return None, [record]
        if not record.text.strip():
            return None, [Problem("empty_text", f"got {record.text!r}")]
        if record.text in self.seen:
            return None, [Problem("duplicate_text", f"first in {self.seen[record.text]}")]
        return record_to_doc(record, self.nlp, self.labels, self.intents)

    def _conll(self, path: Path) -> Iterator[Doc]:
        sentences = read_conll_sentences(path, self.columns)
        tags = [sentence.tags for sentence in sentences if not sentence.fault]
        scheme = self.scheme or detect_scheme(tags)
        check_scheme(tags, scheme)
        self.schemes[str(path)] = scheme
        for sentence in sentences:
            doc, problems = sentence_to_doc(sentence, self.nlp, scheme)
            if self._keep(path, sentence.line, doc.text if doc else "", problems) and doc is not None:
                yield doc

    def _keep(self, path: Path, number: int, text: str, problems: Sequence[Problem]) -> bool:
        findings = [Finding(str(path), number, kind, reason, text[:120]) for kind, reason in problems]
        for finding in findings:
            self.damage_log.add(finding)
        return not self.damage_log.drops_record(findings)


def explain_no_records(path: Path, payloads: Sequence[Payload]) -> str:
    """Say of a file without a single record what it holds, and what to do."""
    first = next((found for payload in payloads for found in [record_or_problem(payload)] if isinstance(found, Problem)), None)
    if first is None:
        return f'{path} holds no records. A record file is {{"dataset": [...]}} with at least one record in it.'
    advice = describe_entries(payloads) or "Correct the records."
    return f"{path} holds no records: none of its {len(payloads)} entries is one. {advice} The first: {first.reason}."


def record_or_problem(payload: Payload) -> Union[Record, Problem]:
    """The record of a payload, or what is wrong with it."""
    if isinstance(payload, JSONDecodeError):
        return Problem("invalid_record", f"not JSON: {payload.msg} in column {payload.colno}")
    try:
        return parse_record(payload)
    except ValueError as error:
        return Problem("invalid_record", str(error))


def collect_intents(paths: Iterable[Path]) -> list[str]:
    """All intents that files name, sorted."""
    records = (record_or_problem(payload) for path in paths for _, payload in read_payloads(path))
    return sorted({record.intent for record in records if isinstance(record, Record) and record.intent})


def format_of(path: Path) -> Format:
    """What a file is, by its suffix.

    RAISES (ReadError): If the suffix does not tell.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ReadError(
            f"Cannot tell the format of {path} by its suffix. Known are {', '.join(SUFFIXES)}. "
            "Name it: --format records or conll."
        )
    return SUFFIXES[path.suffix.lower()]
