"""Checks of a set of record files, which find faults and notes."""

from collections import Counter
from typing import Iterable, Iterator, NamedTuple, Sequence

from ..labels import best_category
from .damage import DAMAGE, FATAL, Finding, OnError
from .statistics import RecordFile, RecordStatistics

# "repair" keeps one of two records with the same text, so nothing is lost; a record with other fatal damage is lost.
UNMENDED = FATAL - {"duplicate_text"}
# Language models make mistakes. A larger share of unknown names means that the list of allowed names is wrong.
MOST_UNKNOWN = 0.25
LEAST_UNSEEN = 0.7


class CheckResult(NamedTuple):
    """Faults and notes, each a sentence.

    faults (list[str]): Reasons not to train on the records.
    notes (list[str]): Damage that is mended, and remarks.
    """

    faults: list[str]
    notes: list[str]


def check_damage(findings: Sequence[Finding], on_error: OnError) -> CheckResult:
    """Check damage: it is a fault if the policy does not take care of it.

    "repair" mends all but records that are lost as a whole, "skip" leaves every damaged record out, "fail" allows no damage.

    findings (Sequence[Finding]): Findings in all files.
    on_error (OnError): The policy.
    """
    stops = {"repair": UNMENDED, "skip": frozenset[str](), "fail": frozenset(DAMAGE)}[on_error]
    faults = [f"{found.file}, record {found.record}: {found.kind}, {found.reason}" for found in findings if found.kind in stops]
    mended = [found for found in findings if found.kind in DAMAGE and found.kind not in stops]
    ways_out = {"repair": "--on-error skip leaves them out", "skip": "", "fail": "--on-error repair mends what can be mended"}
    advice = [f"correct the records that are named as faults, or let {ways_out[on_error]}"] if faults else []
    return CheckResult(faults, [*describe_mended(mended, on_error), *advice])


def describe_mended(findings: Sequence[Finding], on_error: OnError) -> Iterator[str]:
    """Describe each kind of damage, with its first finding, in a sentence."""
    for kind, number in Counter(found.kind for found in findings).most_common():
        first = next(found for found in findings if found.kind == kind)
        done = "the record is left out" if on_error == "skip" else DAMAGE[kind]
        yield f"{number} x {kind}: {done} (first in {first.file}, record {first.record}: {first.reason})"


def check_names(files: Sequence[RecordFile], labels: Sequence[str], intents: Sequence[str]) -> Iterator[str]:
    """Check whether the lists of allowed names are those of these records.

    files (Sequence[RecordFile]): The files, with any labels and intents.
    labels (Sequence[str]): Allowed labels, in any case; empty for any.
    intents (Sequence[str]): Allowed intents; empty for any.
    YIELDS (str): A fault for each wrong list.
    """
    docs = [doc for file in files for doc in file.docs]
    in_any_case = {label.upper() for label in labels}
    label_counts = Counter(ent.label_ for doc in docs for ent in doc.ents)
    intent_counts = Counter(intent for doc in docs if (intent := best_category(doc.cats)))
    if labels:
        yield from check_list("label", label_counts, [name for name in label_counts if name.upper() not in in_any_case], labels)
    if intents:
        yield from check_list("intent", intent_counts, [name for name in intent_counts if name not in intents], intents)


def check_list(kind: str, counts: Counter[str], unknown: Iterable[str], allowed: Sequence[str]) -> Iterator[str]:
    """Check whether too many names are unknown."""
    unknown = sorted(unknown)
    number, total = sum(counts[name] for name in unknown), counts.total()
    if number > MOST_UNKNOWN * total:
        yield (
            f"{number} of {total} {kind}s in the records are not among {', '.join(allowed)}, and would be lost: "
            f"{', '.join(unknown)}. Name the {kind}s of your records with --{kind}s (in the project, --vars.{kind}s), "
            f'or "" for those that the records have'
        )


def check_statistics(statistics: RecordStatistics, least_unseen: float | None) -> CheckResult:
    """Check statistics for empty files, leaks between files, and names to count that do not occur.

    statistics (RecordStatistics): The statistics.
    least_unseen (float | None): Least share of new strings of each label of `statistics.disjoint`; with None, a low share is a
        note and not a fault.
    """
    empty = [f"{file.name} holds no record that can be used" for file in statistics.files if not file.docs]
    if not any(file.count_labels() for file in statistics.files):
        empty.append('no record has an entity, so there is no entity recogniser to train: list entity words under "labels"')
    few = list(statistics.few_unseen(LEAST_UNSEEN if least_unseen is None else least_unseen))
    faults, notes = ([], few) if least_unseen is None else (few, [])
    return CheckResult([*empty, *statistics.near_duplicate_leaks(), *faults], [*notes, *statistics.absences()])
