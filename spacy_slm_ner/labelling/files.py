"""A run of `label`: what was found in a text is in the journal before anything else happens with it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Optional, Sequence

from ..errors import ReadError
from ..storage.journal import Journal, append_lines, write_lines
from ..storage.json_lines import read_json_lines
from .silver import Outcome
from .texts import TextKey

Setting = Optional[str | int | float]


@dataclass
class LabelFiles:
    """The files of a run.

    output (Path): File of the records, beside which the journal and the problems are written.
    settings (dict[str, Setting]): All that decides on the result, by the names of options.
    paid_before (float): Cost of the answers in the caches, in US dollars, when the run began.
    done (set[TextKey]): Texts with an outcome.
    records (int): Number of records.
    chosen (Optional[list[TextKey]]): Texts that were chosen from all, in the order of their worth; None if none were yet.
    RAISES (ReadError): If the output was begun with other settings or otherwise, or another process writes it.
    """

    output: Path
    settings: dict[str, Setting]
    paid_before: float
    done: set[TextKey] = field(default_factory=set, init=False)
    records: int = field(default=0, init=False)
    chosen: Optional[list[TextKey]] = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.output.exists() and not self.journal_path.exists():
            raise ReadError(f"{self.output} exists, but was not written by `label`. Name another output, or move it away.")
        self.journal = Journal(self.journal_path)
        try:
            self._resume()
        except BaseException:
            self.journal.close()
            raise

    @property
    def journal_path(self) -> Path:
        return journal_of(self.output)

    @property
    def problems_path(self) -> Path:
        return self.output.with_name(f"{self.output.stem}.problems.jsonl")

    def _resume(self) -> None:
        """Read the journal, and write the other files as they follow from it."""
        self._begin()
        entries = self.journal.entries
        for entry in entries:
            if entry.get("kind") == "choice":
                self.chosen = [TextKey(*key) for key in entry["texts"]]
        # A line of the journal may be damaged, and put back later: the first outcome of a text counts.
        outcomes: dict[TextKey, Outcome] = {}
        for key, entry in keyed(entries):
            outcomes.setdefault(key, Outcome(entry["record"], entry["row"]))
        self._count(outcomes)
        write_lines(self.output, (outcome.record for outcome in outcomes.values() if outcome.record is not None))
        write_lines(self.problems_path, (outcome.row for outcome in outcomes.values() if outcome.row is not None))

    def _count(self, outcomes: Mapping[TextKey, Outcome]) -> None:
        self.done |= outcomes.keys()
        self.records += sum(outcome.record is not None for outcome in outcomes.values())

    def _begin(self) -> None:
        """Begin the run, or check that it goes on with the settings that it has. They may change until there is a result.

        RAISES (ReadError): If they changed later, or the journal is that of another command.
        """
        entries = self.journal.entries
        starts = [entry for entry in entries if entry.get("kind") == "start" and isinstance(entry.get("settings"), dict)]
        if entries and not starts:
            raise ReadError(f"{self.journal_path} is no journal of `label`. Name another output.")
        if starts:
            self.paid_before = starts[0]["paid_before"]
        if not starts or (starts[-1]["settings"] != self.settings and len(starts) == len(entries)):
            self.journal.append([{"kind": "start", "settings": self.settings, "paid_before": self.paid_before}])
        else:
            self._check(starts[-1]["settings"])

    def _check(self, before: dict[str, Any]) -> None:
        """RAISES (ReadError): If a setting is another than when the run began."""
        changed = [name for name in {**before, **self.settings} if before.get(name) != self.settings.get(name)]
        if changed:
            was = ", ".join(f"{name} was {before.get(name)}, is {self.settings.get(name)}" for name in changed)
            raise ReadError(f"{self.output} was begun with other settings: {was}. Take those again, or name another output.")

    def choose(self, keys: Sequence[TextKey]) -> None:
        """Store the choice of texts."""
        self.journal.append([{"kind": "choice", "texts": [list(key) for key in keys]}])
        self.chosen = list(keys)

    def store(self, outcomes: Mapping[TextKey, Outcome]) -> None:
        """Store outcomes, first in the journal, then in the files that follow from it."""
        self.journal.append({"kind": "text", "key": list(key), **outcome._asdict()} for key, outcome in outcomes.items())
        self._count(outcomes)
        append_lines(self.output, [outcome.record for outcome in outcomes.values() if outcome.record is not None])
        append_lines(self.problems_path, [outcome.row for outcome in outcomes.values() if outcome.row is not None])

    @property
    def problems(self) -> int:
        """Number of texts without a record."""
        return len(self.done) - self.records

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()


def journal_of(output: Path) -> Path:
    """Return the path of the journal of an output."""
    return output.with_name(f"{output.stem}.journal.jsonl")


def keyed(entries: Iterable[dict[str, Any]]) -> Iterator[tuple[TextKey, dict[str, Any]]]:
    """Yield the entries of texts with their keys."""
    return ((TextKey(*entry["key"]), entry) for entry in entries if entry.get("kind") == "text")


def find_done(output: Path) -> set[TextKey]:
    """Find the texts that have an outcome, without touching the files."""
    journal = journal_of(output)
    lines = read_json_lines(journal.read_bytes()) if journal.exists() else ()
    return {key for key, _ in keyed(line.entry for line in lines if line.entry is not None)}
