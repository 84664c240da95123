"""Whether a record that a language model wrote is taken, and what it counts as."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Union

from spacy.language import Language
from spacy.tokens import Doc

from ..records.build import record_to_doc
from ..records.convert import record_or_problem
from ..records.damage import DAMAGE
from ..records.doc_to_record import doc_to_record
from ..records.duplicates import NearIndex
from ..records.mentions import Problem
from ..records.quality import mask_entities
from ..records.schema import Record
from .quotas import RecordProfile, RecordRequest, profile_of
from .spec import Spec

# Mended without a loss: what is written down is the mended record.
HARMLESS = frozenset({"outside_label", "joined", "folded", "respaced", "inside_word", "token_cut"})
NEAR = 0.7
SAME_TEMPLATE = 0.85


class Accepted(NamedTuple):
    """A record that is taken.

    record (Record): As it is written down.
    profile (RecordProfile): What it counts as.
    repairs (tuple[Problem, ...]): What was mended in it.
    """

    record: Record
    profile: RecordProfile
    repairs: tuple[Problem, ...]


class Rejected(NamedTuple):
    """A record that is not taken.

    reasons (tuple[str, ...]): One sentence each.
    again (bool): Whether to send it back; a duplicate is not worth it.
    """

    reasons: tuple[str, ...]
    again: bool


@dataclass
class RecordValidator:
    """Knows the records that were taken before.

    spec (Spec): What is wanted.
    nlp (Language): Its tokenizer makes the tokens.
    """

    spec: Spec
    nlp: Language
    _texts: NearIndex = field(default_factory=lambda: NearIndex(NEAR), repr=False)
    _templates: NearIndex = field(default_factory=lambda: NearIndex(SAME_TEMPLATE), repr=False)

    def validate(self, payload: Any, record_request: RecordRequest) -> Union[Accepted, Rejected]:
        """Validate a record, and remember it if it is taken."""
        record = record_or_problem(payload)
        if isinstance(record, Problem):
            return Rejected((record.reason,), again=True)
        if not record.text.strip():
            return Rejected((f"got the text {record.text!r}, which is empty",), again=True)
        doc, problems = record_to_doc(record, self.nlp, list(self.spec.labels), list(self.spec.intents))
        faults = [f"{reason} ({kind})" for kind, reason in problems if kind in DAMAGE and kind not in HARMLESS]
        if self.spec.intents and record.intent is None:
            faults.append(f"got no intent, allowed are {', '.join(self.spec.intents)}")
        if faults:
            return Rejected(tuple(faults), again=True)
        twin = self._twin(doc)
        if twin is not None:
            return Rejected((twin,), again=False)
        return self._accept(record, doc, record_request, problems)

    def _twin(self, doc: Doc) -> Optional[str]:
        """What is known like a text, or like its text without its entities; a text that is not is remembered."""
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
        intent = record.intent if self.spec.intents else None
        written = doc_to_record(doc, intent)
        again, _ = record_to_doc(written, self.nlp, list(self.spec.labels), list(self.spec.intents))
        same = [(e.start, e.end, e.label_) for e in again.ents] == [(e.start, e.end, e.label_) for e in doc.ents]
        profile = profile_of(record_request, doc.text, [ent.label_ for ent in doc.ents], intent, self.spec)
        return Accepted(written if same else record, profile, tuple(one for one in problems if one.kind in DAMAGE))
