"""Kinds of damage in records, their repairs, and a log of findings."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from ..errors import DamageError

OnError = Literal["repair", "skip", "fail"]
ON_ERROR: tuple[OnError, ...] = get_args(OnError)

# Kind of damage: its description, and its repair under the policy "repair".
DAMAGE: dict[str, str] = {
    "invalid_record": "not a record; left out",
    "empty_text": "no text; left out",
    "duplicate_text": "the text was there before; left out",
    "outside_label": "an O label, although only entity words are listed; ignored",
    "bare_label": "a label without B- or I-; read as the next word of the entity before it, or else as a new entity",
    "orphan_inside": "an I- without its B-; read as B-",
    "unknown_label": "a label that is not among the allowed ones; the word is left without a label",
    "unknown_intent": "an intent that is not among the allowed ones; the record is kept without one",
    "missing": "the word is not in the text; left out",
    "joined": "punctuation between the words of an entity is not listed; taken into the entity",
    "folded": "another case, quote mark, dash or Unicode form than in the text; the text's is taken",
    "respaced": "other spaces than in the text; the text's are taken",
    "inside_word": "the word stands inside longer ones only, with something glued to it; located there",
    "reordered": "a word listed out of text order; put in its place",
    "split": "the words of an entity do not stand together; each part is an entity of its own",
    "token_cut": "the entity ends inside a spaCy token; widened to the whole token",
    "overlap": "the widened entity shares a token with another; left out",
}
# Remarks on sound records, on which no policy acts.
REMARKS: dict[str, str] = {
    "ambiguous": "the same words stand elsewhere in the text without a label; the order of the entities decided",
}
# Kinds of damage that cannot be repaired: the record is left out under "repair" as well.
FATAL = frozenset({"invalid_record", "empty_text", "duplicate_text"})


class Finding(NamedTuple):
    """Damage in a record, or a remark on it.

    file (str): Path of the file.
    record (int): Number of the record in the file, counted from 1; in JSON Lines and CoNLL files, number of its (first) line.
    kind (str): A key of DAMAGE or REMARKS.
    reason (str): Details, which quote the word.
    text (str): Text of the record, shortened.
    """

    file: str
    record: int
    kind: str
    reason: str
    text: str


@dataclass
class DamageLog:
    """Log of findings under a policy.

    on_error (OnError): "repair" mends what can be mended; "skip" leaves every damaged record out; "fail" stops at the first.
    findings (list[Finding]): All findings.
    """

    on_error: OnError = "repair"
    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        """Add a finding.

        RAISES (DamageError): If it is damage and the policy is "fail".
        """
        self.findings.append(finding)
        if self.on_error == "fail" and finding.kind in DAMAGE:
            raise DamageError(
                f"{finding.file}, record {finding.record}: {finding.reason} ({finding.kind}: {DAMAGE[finding.kind]}). "
                f"Text: {finding.text!r}. Correct the record, or use --on-error repair or skip."
            )

    def drops_record(self, findings: list[Finding]) -> bool:
        """Whether a record with these findings is left out."""
        kinds = {finding.kind for finding in findings}
        return bool(kinds & FATAL) or (self.on_error == "skip" and bool(kinds & DAMAGE.keys()))

    def counts(self) -> dict[str, int]:
        """Count the findings of each kind, most frequent first."""
        return dict(Counter(finding.kind for finding in self.findings).most_common())
