"""Quotas of a spec, and requests for records that fill them."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Iterable, Mapping, Optional, Sequence

from pydantic import BaseModel, ConfigDict

from .seed_words import draw_words
from .spec import Spec

NONE = "none"


class RecordRequest(BaseModel):
    """Properties that one record should have.

    intent (Optional[str]): Intent; None if the spec has no intents.
    language (str): Language.
    style (str): Style.
    length (str): Name of a length of the spec.
    labels (tuple[str, ...]): Labels that should occur; empty for a text without entities.
    edge_case (Optional[str]): Instruction of an edge case.
    words (tuple[str, ...]): Topic words, so that a thousand texts differ.
    """

    model_config = ConfigDict(frozen=True)
    intent: Optional[str]
    language: str
    style: str
    length: str
    labels: tuple[str, ...]
    edge_case: Optional[str]
    words: tuple[str, ...]


class RecordProfile(BaseModel):
    """Properties of an accepted record that count towards the quotas.

    intent (Optional[str]): Intent of the record.
    language (str): Language, as requested.
    style (str): Style, as requested.
    length (Optional[str]): Name of the length that fits its number of words; None if none fits.
    labels (tuple[str, ...]): Labels that occur in it.
    edge_case (Optional[str]): Edge case, as requested.
    """

    model_config = ConfigDict(frozen=True)
    intent: Optional[str]
    language: str
    style: str
    length: Optional[str]
    labels: tuple[str, ...]
    edge_case: Optional[str]


@dataclass
class Quotas:
    """Counts of records that are accepted or requested, and their targets.

    spec (Spec): The records to ask for.
    counts (Counter): Number of records by kind and value, such as ("intent", "cancel"); a label counts once per text.
    """

    spec: Spec
    counts: Counter[tuple[str, Optional[str]]] = field(default_factory=Counter)

    def add(self, record: "RecordRequest | RecordProfile", sign: int = 1) -> None:
        """Count an accepted or requested record; with the sign -1, remove it."""
        for key in quota_keys(record):
            self.counts[key] += sign

    def next_requests(self, number: int, rng: Random) -> list[RecordRequest]:
        """Make a number of requests, and count them."""
        made = []
        for _ in range(number):
            made.append(self.next_request(rng))
            self.add(made[-1])
        return made

    def next_request(self, rng: Random) -> RecordRequest:
        """Request the record that lacks most: for each kind of quota, the value furthest below its target."""
        total = self.counts["record", None] + 1
        empty = self._lacks("labels", NONE, self.spec.without_entities, total) >= 1.0 - rng.random()
        case = self._most_lacking("edge_case", {case.ask: case.share for case in self.spec.edge_cases}, total, least=0.5)
        return RecordRequest(
            intent=self._weighted("intent", self.spec.weights_of_intents, total, rng),
            language=self._weighted("language", self.spec.languages, total, rng) or "English",
            style=self._weighted("style", self.spec.styles, total, rng) or "plain",
            length=self._weighted("length", {name: one.weight for name, one in self.spec.lengths.items()}, total, rng) or "",
            labels=() if empty else self._labels(total, rng),
            edge_case=case,
            words=draw_words(rng),
        )

    def _lacks(self, kind: str, value: str, share: float, total: int) -> float:
        """Return the number of records that a value lacks."""
        return share * total - self.counts[kind, value]

    def _most_lacking(self, kind: str, shares: Mapping[str, float], total: int, least: float) -> Optional[str]:
        """Return the value that lacks most; None if it lacks less than `least`."""
        lacking = {value: self._lacks(kind, value, share, total) for value, share in shares.items()}
        worst = max(lacking, key=lambda value: lacking[value], default=None)
        return worst if worst is not None and lacking[worst] >= least else None

    def _weighted(self, kind: str, weights: Mapping[str, float], total: int, rng: Random) -> Optional[str]:
        """Return the value that lacks most, at random among equals."""
        total_weight = sum(weights.values())
        shuffled = rng.sample(sorted(weights.items()), len(weights))
        return self._most_lacking(kind, {value: weight / total_weight for value, weight in shuffled}, total, -float("inf"))

    def _labels(self, total: int, rng: Random) -> tuple[str, ...]:
        """Draw the labels of one text: each by its share, more often while it lacks."""
        filled = total - self.counts["labels", NONE]
        lacking = {name: self._lacks("label", name, label.share, filled) for name, label in self.spec.labels.items()}
        chosen = [
            name
            for name, label in self.spec.labels.items()
            if rng.random() < min(max(label.share + 0.2 * lacking[name], 0.0), 1.0)
        ]
        return tuple(chosen or [max(lacking, key=lambda name: lacking[name])])

    def rows(self) -> list[tuple[str, str, int, float]]:
        """Return kind, value, number and target of each quota."""
        total = self.counts["record", None]
        filled = total - self.counts["labels", NONE]
        wanted: list[tuple[str, str, float, int]] = [("labels", NONE, self.spec.without_entities, total)]
        wanted += [("label", name, label.share, filled) for name, label in self.spec.labels.items()]
        lengths = {name: one.weight for name, one in self.spec.lengths.items()}
        kinds = {"intent": self.spec.weights_of_intents, "length": lengths, "style": self.spec.styles}
        for kind, weights in {**kinds, "language": self.spec.languages}.items():
            wanted += [(kind, value, weight / sum(weights.values()), total) for value, weight in weights.items()]
        wanted += [("edge_case", case.ask, case.share, total) for case in self.spec.edge_cases]
        return [(kind, value, self.counts[kind, value], share * of) for kind, value, share, of in wanted]


def quota_keys(record: "RecordRequest | RecordProfile") -> Iterable[tuple[str, Optional[str]]]:
    """Yield kind and value of each quota that a record counts towards."""
    yield "record", None
    for kind in ("intent", "language", "style", "length", "edge_case"):
        yield kind, getattr(record, kind)
    if not record.labels:
        yield "labels", NONE
    for label in dict.fromkeys(record.labels):
        yield "label", label


def length_of(text: str, spec: Spec) -> Optional[str]:
    """Return the first length of a spec that a text has; a tenth more or less is allowed."""
    return next((name for name in spec.lengths if fits(name, text, spec)), None)


def profile_of(
    record_request: RecordRequest, text: str, labels: Sequence[str], intent: Optional[str], spec: Spec
) -> RecordProfile:
    """Return the properties of a record that count towards the quotas.

    record_request (RecordRequest): The request for it.
    text (str): Its text.
    labels (Sequence[str]): Labels of its entities.
    intent (Optional[str]): Its intent.
    spec (Spec): Spec with the lengths.
    """
    length = record_request.length if fits(record_request.length, text, spec) else length_of(text, spec)
    return RecordProfile(
        intent=intent,
        language=record_request.language,
        style=record_request.style,
        length=length,
        labels=tuple(dict.fromkeys(labels)),
        edge_case=record_request.edge_case,
    )


def fits(length: str, text: str, spec: Spec) -> bool:
    """Whether a text has about the length of a name."""
    least, most = spec.lengths[length].words
    return least - max(1, least // 10) <= len(text.split()) <= most + max(1, most // 10)
