"""Validation of records that a language model wrote."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..records.convert import record_or_problem
from ..records.damage import DAMAGE
from ..records.doc_to_record import doc_to_record
from ..records.duplicates import NearIndex
from ..records.mentions import Problem
from ..records.quality import mask_entities
from ..records.record_to_doc import record_to_doc
from ..records.schema import Record
from .quotas import RecordProfile, RecordRequest, profile_of
from .spec import Spec

# Kinds of damage that are mended without a loss: the mended record is written.
HARMLESS = frozenset({"outside_label", "joined", "folded", "respaced", "inside_word", "token_cut"})
# Jaccard similarities from which a text, or a text with its entities masked, is a near-duplicate.
NEAR = 0.7
SAME_TEMPLATE = 0.85


class Accepted(NamedTuple):
    """An accepted record.

    record (Record): The record as it is written to the file.
    profile (RecordProfile): Its properties that count towards the quotas.
    repairs (tuple[Problem, ...]): Damage that was mended.
    """

    record: Record
    profile: RecordProfile
    repairs: tuple[Problem, ...]


class Rejected(NamedTuple):
    """A rejected record.

    reasons (tuple[str, ...]): One sentence each.
    repairable (bool): Whether it may be sent back for correction, as a duplicate may not.
    """

    reasons: tuple[str, ...]
    repairable: bool


@dataclass
class RecordValidator:
    """Validates records, and remembers the accepted ones to find near-duplicates of them.

    spec (Spec): The records that are asked for.
    nlp (Language): Pipeline whose tokenizer makes the tokens.
    """

    spec: Spec
    nlp: Language
    _texts: NearIndex = field(default_factory=lambda: NearIndex(NEAR), repr=False)
    _templates: NearIndex = field(default_factory=lambda: NearIndex(SAME_TEMPLATE), repr=False)

    def validate(self, payload: Any, record_request: RecordRequest) -> Union[Accepted, Rejected]:
        """Validate a record, and remember it if it is accepted.

        payload (Any): The record as it was read from JSON.
        record_request (RecordRequest): The request for it.
        """
        record = record_or_problem(payload)
        if isinstance(record, Problem):
            return Rejected((record.reason,), repairable=True)
        if not record.text.strip():
            return Rejected((f"got the text {record.text!r}, which is empty",), repairable=True)
        doc, problems = record_to_doc(record, self.nlp, list(self.spec.labels), list(self.spec.intents))
        faults = [f"{reason} ({kind})" for kind, reason in problems if kind in DAMAGE and kind not in HARMLESS]
        if self.spec.intents and record.intent is None:
            faults.append(f"got no intent, allowed are {', '.join(self.spec.intents)}")
        if faults:
            return Rejected(tuple(faults), repairable=True)
        duplicate = self._find_duplicate(doc)
        if duplicate is not None:
            return Rejected((duplicate,), repairable=False)
        return self._accept(record, doc, record_request, problems)

    def _find_duplicate(self, doc: Doc) -> Optional[str]:
        """Describe the accepted record that a text nearly repeats; remember a text that repeats none."""
        near = self._texts.near(doc.text)
        if near:
            return f"nearly the text of record {near[0].first + 1} (similarity {near[0].similarity:.2f}: near_duplicate)"
        masked = mask_entities(doc)
        near = self._templates.near(masked) if doc.ents else []
        if near:
            return f"other entities in the text of record {near[0].first + 1} (same_template)"
        self._texts.add(doc.text)
        self._templates.add(masked)
        return None

    def _accept(self, record: Record, doc: Doc, record_request: RecordRequest, problems: list[Problem]) -> Accepted:
        """Write an accepted record anew from its Doc, where that gives the same entities."""
        intent = record.intent if self.spec.intents else None
        rewritten = doc_to_record(doc, intent)
        again, _ = record_to_doc(rewritten, self.nlp, list(self.spec.labels), list(self.spec.intents))
        same = [(e.start, e.end, e.label_) for e in again.ents] == [(e.start, e.end, e.label_) for e in doc.ents]
        profile = profile_of(record_request, doc.text, [ent.label_ for ent in doc.ents], intent, self.spec)
        return Accepted(rewritten if same else record, profile, tuple(one for one in problems if one.kind in DAMAGE))
