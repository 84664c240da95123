"""What each record should be like, such that all of them together fill the quotas."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Iterable, Mapping, Optional, Sequence

from pydantic import BaseModel, ConfigDict

from .seed_words import draw_words
from .spec import Spec

NONE = "none"


class RecordRequest(BaseModel):
    """What is asked of one record.

    intent (Optional[str]): One of the spec's; None if it has none.
    language (str): One of the spec's.
    style (str): One of the spec's.
    length (str): One of the spec's.
    labels (tuple[str, ...]): That should occur; none for a text without entities.
    edge_case (Optional[str]): An instruction.
    words (tuple[str, ...]): What the text is about, so that a thousand of them differ.
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
    """What counts towards the quotas in a record.

    intent, language, style, edge_case: As in its record_request; the intent as in the record.
    length (Optional[str]): By its number of words; None if no length of the spec fits.
    labels (tuple[str, ...]): That occur in it.
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
    """Counts what there is, and asks for what is missing.

    spec (Spec): What is wanted.
    counts (Counter): Number of records by kind and value, such as ("intent", "cancel"); a label is counted once a text.
    """

    spec: Spec
    counts: Counter[tuple[str, Optional[str]]] = field(default_factory=Counter)

    def add(self, profile: "RecordRequest | RecordProfile", sign: int = 1) -> None:
        """Count a record, or one that was asked for; with -1, take it back."""
        for key in keys(profile):
            self.counts[key] += sign

    def next_request(self, rng: Random) -> RecordRequest:
        """The next record_request: of each kind, what lacks most."""
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
        return share * total - self.counts[kind, value]

    def _most_lacking(self, kind: str, shares: Mapping[str, float], total: int, least: float) -> Optional[str]:
        lacking = {value: self._lacks(kind, value, share, total) for value, share in shares.items()}
        worst = max(lacking, key=lambda value: lacking[value], default=None)
        return worst if worst is not None and lacking[worst] >= least else None

    def _weighted(self, kind: str, weights: Mapping[str, float], total: int, rng: Random) -> Optional[str]:
        """The value that lacks most; where several do alike, any of them."""
        whole = sum(weights.values())
        shuffled = dict(rng.sample(sorted(weights.items()), len(weights)))
        return self._most_lacking(kind, {value: weight / whole for value, weight in shuffled.items()}, total, least=-float("inf"))

    def _labels(self, total: int, rng: Random) -> tuple[str, ...]:
        """Labels of one text: each by its share, more often while it lacks."""
        filled = total - self.counts["labels", NONE]
        lacking = {name: self._lacks("label", name, label.share, filled) for name, label in self.spec.labels.items()}
        chosen = [
            name
            for name, label in self.spec.labels.items()
            if rng.random() < min(max(label.share + 0.2 * lacking[name], 0.0), 1.0)
        ]
        return tuple(chosen or [max(lacking, key=lambda name: lacking[name])])

    def rows(self) -> list[tuple[str, str, int, float]]:
        """Kind, value, number and target of everything that has a quota."""
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


def keys(profile: "RecordRequest | RecordProfile") -> Iterable[tuple[str, Optional[str]]]:
    """What a record counts as."""
    yield "record", None
    for kind in ("intent", "language", "style", "length", "edge_case"):
        yield kind, getattr(profile, kind)
    if not profile.labels:
        yield "labels", NONE
    for label in dict.fromkeys(profile.labels):
        yield "label", label


def length_of(text: str, spec: Spec) -> Optional[str]:
    """The first length of a spec that a text has; a tenth more or less is taken for it."""
    return next((name for name in spec.lengths if fits(name, text, spec)), None)


def profile_of(
    record_request: RecordRequest, text: str, labels: Sequence[str], intent: Optional[str], spec: Spec
) -> RecordProfile:
    """What a record that was written to a record_request counts as."""
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
    """Whether a text has about the length that was asked for."""
    least, most = spec.lengths[length].words
    return least - max(1, least // 10) <= len(text.split()) <= most + max(1, most // 10)
