"""What is wrong with a set of record files: what stops the work on it, and what is only said."""

from collections import Counter
from typing import Iterable, Iterator, NamedTuple, Sequence

from ..labels import best_category
from .damage import DAMAGE, FATAL, Finding, OnError
from .statistics import RecordFile, RecordStatistics

# Of two records with the same text, `repair` keeps one, so nothing is lost; of the other fatal kinds, nothing can be kept.
UNMENDED = FATAL - {"duplicate_text"}
# A language model slips now and then. More than this share of names outside a list means that the list is the wrong one.
MOST_UNKNOWN = 0.25
LEAST_UNSEEN = 0.7


class CheckResult(NamedTuple):
    """What was found.

    faults (list[str]): One sentence for each thing that should not be trained on.
    notes (list[str]): One sentence for each thing that is mended, or that a reader should know.
    """

    faults: list[str]
    notes: list[str]


def check_damage(findings: Sequence[Finding], on_error: OnError) -> CheckResult:
    """Tell the damage that a policy takes care of from the damage that it does not.

    "repair" mends all but records of which nothing can be kept, "skip" leaves every damaged record out, "fail" allows none.
    """
    stops = {"repair": UNMENDED, "skip": frozenset[str](), "fail": frozenset(DAMAGE)}[on_error]
    faults = [f"{found.file}, record {found.record}: {found.kind}, {found.reason}" for found in findings if found.kind in stops]
    mended = [found for found in findings if found.kind in DAMAGE and found.kind not in stops]
    ways_out = {"repair": "--on-error skip leaves them out", "skip": "", "fail": "--on-error repair mends what can be mended"}
    advice = [f"correct the records that are named as faults, or let {ways_out[on_error]}"] if faults else []
    return CheckResult(faults, [*describe_mended(mended, on_error), *advice])


def describe_mended(findings: Sequence[Finding], on_error: OnError) -> Iterator[str]:
    """One sentence for each kind of damage, with its first place."""
    for kind, number in Counter(found.kind for found in findings).most_common():
        first = next(found for found in findings if found.kind == kind)
        done = "the record is left out" if on_error == "skip" else DAMAGE[kind]
        yield f"{number} x {kind}: {done} (first in {first.file}, record {first.record}: {first.reason})"


def check_names(files: Sequence[RecordFile], labels: Sequence[str], intents: Sequence[str]) -> Iterator[str]:
    """One sentence for each list of names that is not the list of these records.

    files (Sequence[RecordFile]): The files, with any labels and intents.
    labels (Sequence[str]): Allowed labels, in any case; empty for any.
    intents (Sequence[str]): Allowed intents; empty for any.
    """
    docs = [doc for file in files for doc in file.docs]
    in_any_case = {label.upper() for label in labels}
    found = Counter(ent.label_ for doc in docs for ent in doc.ents)
    named = Counter(intent for doc in docs if (intent := best_category(doc.cats)))
    if labels:
        yield from check_list("label", found, [name for name in found if name.upper() not in in_any_case], labels)
    if intents:
        yield from check_list("intent", named, [name for name in named if name not in intents], intents)


def check_list(kind: str, counts: Counter[str], unknown: Iterable[str], allowed: Sequence[str]) -> Iterator[str]:
    """A sentence if too many names are unknown."""
    unknown = sorted(unknown)
    number, total = sum(counts[name] for name in unknown), counts.total()
    if number > MOST_UNKNOWN * total:
        yield (
            f"{number} of {total} {kind}s in the records are not among {', '.join(allowed)}, and would be lost: "
            f"{', '.join(unknown)}. Name the {kind}s of your records with --{kind}s (in the project, --vars.{kind}s), "
            f'or "" for those that the records have'
        )


def check_statistics(statistics: RecordStatistics, least_unseen: float | None) -> CheckResult:
    """Judge what the files share with each other, and what was asked for and is not there.

    least_unseen (float | None): Least share of new strings of each label of `statistics.disjoint`; None to only say where it
        is low.
    """
    empty = [f"{file.name} holds no record that can be used" for file in statistics.files if not file.docs]
    if not any(file.count_labels() for file in statistics.files):
        empty.append('no record has an entity, so there is no entity recogniser to train: list entity words under "labels"')
    few = list(statistics.few_unseen(LEAST_UNSEEN if least_unseen is None else least_unseen))
    faults, notes = ([], few) if least_unseen is None else (few, [])
    return CheckResult([*empty, *statistics.near_duplicate_leaks(), *faults], [*notes, *statistics.absences()])
