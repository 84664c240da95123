"""A run of `generate`: every answer is on the disk before it is parsed."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Literal, Optional

from pydantic import ValidationError
from spacy.language import Language

from ..endpoints.prices import Price, Usage
from ..endpoints.replies import Reply
from ..errors import ReadError
from ..storage.journal import Journal, append_lines, write_lines
from .fingerprints import FREE_FIELDS, is_under_way, spec_fingerprint
from .jobs import Job, Outcome
from .spec import Spec
from .state import RunState
from .validation import RecordValidator

End = Literal["done", "cost", "requests", "stalled", "key", "credit", "request", "down"]


@dataclass(frozen=True)
class Limits:
    """Limits of a run.

    concurrency (int): Most requests at a time.
    cost (Optional[float]): US dollars; None for no limit.
    requests (Optional[int]): Most answers, those of earlier processes included; None for no limit.
    """

    concurrency: int = 8
    cost: Optional[float] = None
    requests: Optional[int] = None


@dataclass
class Run:
    """The files of a run, its state and its cost.

    spec (Spec): The records to ask for.
    output (Path): File of the records, beside which the journal and the rejects are written.
    nlp (Language): Pipeline whose tokenizer makes the tokens.
    price (Optional[Price]): Price of the model; None if it is not known.
    watch (Callable[[Run], None]): Called after every answer.
    state (RunState): State that follows from the journal.
    usage (Usage): Tokens so far.
    paid (float): US dollars so far.
    failures (int): Requests in a row without an answer.
    last_error (str): Last message of the endpoint; empty if there is none.
    RAISES (ReadError): If the output was begun under another spec, or another process writes it.
    """

    spec: Spec
    output: Path
    nlp: Language
    price: Optional[Price] = None
    watch: Callable[["Run"], None] = lambda run: None
    state: RunState = field(init=False)
    usage: Usage = field(default_factory=Usage, init=False)
    paid: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)
    last_error: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.output.exists() and not self.journal_path.exists():
            raise ReadError(f"{self.output} exists, but was not written by `generate`. Name another output, or move it away.")
        self.journal = Journal(self.journal_path)
        self.state = RunState(self.spec, RecordValidator(self.spec, self.nlp))
        try:
            self._resume()
        except BaseException:
            self.journal.close()
            raise

    @property
    def journal_path(self) -> Path:
        return self.output.with_name(f"{self.output.stem}.journal.jsonl")

    @property
    def rejects_path(self) -> Path:
        return self.output.with_name(f"{self.output.stem}.rejected.jsonl")

    def _resume(self) -> None:
        """Replay the journal, and write the other files as they follow from it."""
        outcomes = [self._replay(entry) for entry in self._current_entries()]
        for line in self.journal.damaged:
            outcomes.append(self.state.lose(line.text, f"line {line.number} of {self.journal_path.name} is {line.reason}"))
        write_lines(self.output, (record for outcome in outcomes for record in outcome.records))
        write_lines(self.rejects_path, (reject for outcome in outcomes for reject in outcome.rejects))

    def _current_entries(self) -> list[dict[str, Any]]:
        """Return the entries since the spec was last changed, which is allowed until there is an answer or an open batch.

        RAISES (ReadError): If it was changed later.
        """
        entries = self.journal.entries
        start = max((number for number, entry in enumerate(entries) if entry.get("kind") == "start"), default=None)
        if start is None and entries:
            raise ReadError(f"{self.journal_path} is no journal of `generate`: no line of it starts a run. Name another output.")
        if start is not None and entries[start].get("spec") == spec_fingerprint(self.spec):
            return entries[start + 1 :]
        if is_under_way(entries):
            raise ReadError(
                f"{self.output} was begun under another spec. Only {', '.join(sorted(FREE_FIELDS))} may change, now that "
                "it has answers or a batch on its way; name another output."
            )
        self.journal.append([{"kind": "start", "spec": spec_fingerprint(self.spec)}])
        return []

    def _replay(self, entry: dict[str, Any]) -> Outcome:
        """Repeat what an entry of the journal says."""
        kind = entry.get("kind")
        if kind not in ("answer", "filtered", "unread"):
            return Outcome([], [])
        try:
            job = Job.model_validate(entry["job"]) if kind != "unread" else None
            reply = Reply.model_validate(entry["reply"]) if kind == "answer" else None
            text, reason = str(entry.get("text")), str(entry["reason"] if kind != "answer" else "")
        except (KeyError, ValidationError) as error:
            return self.state.lose(json.dumps(entry), f"an entry of {self.journal_path.name} cannot be read: {error}")
        if job is None:
            return self.state.lose(text, reason)
        if reply is not None:
            self.state.expect(job)
            return self._add(job, reply)
        self.state.expect(job)
        return self.state.set_aside(job, reason)

    def _add(self, job: Job, reply: Reply) -> Outcome:
        """Count the cost of an answer, and add its records."""
        self.usage += reply.usage
        self.paid += reply.discount * (self.price.cost(reply.usage) if self.price else 0.0)
        return self.state.add_reply(job, reply)

    def store(self, answered: list[tuple[Job, Reply]]) -> None:
        """Store answers, first in the journal, then in the files that follow from it."""
        self.journal.append(
            {"kind": "answer", "job": job.model_dump(mode="json"), "reply": reply.model_dump(mode="json")}
            for job, reply in answered
        )
        self._write([self._add(job, reply) for job, reply in answered])

    def set_aside(self, job: Job, reason: str) -> None:
        """Set aside a request that the endpoint refuses for its content."""
        self.journal.append([{"kind": "filtered", "job": job.model_dump(mode="json"), "reason": reason}])
        self._write([self.state.set_aside(job, reason)])

    def lose(self, text: str, reason: str) -> None:
        """Record a response that cannot be read."""
        entry = {"kind": "unread", "text": text, "reason": reason}
        if entry not in self.journal.entries:
            self.journal.append([entry])
            self._write([self.state.lose(text, reason)])

    def _write(self, outcomes: list[Outcome]) -> None:
        append_lines(self.output, [record for outcome in outcomes for record in outcome.records])
        append_lines(self.rejects_path, [reject for outcome in outcomes for reject in outcome.rejects])
        self.watch(self)

    def end(self, limits: Limits, in_flight: int = 0) -> Optional[End]:
        """Return why no further request may be sent; None if one may.

        in_flight (int): Number of requests without an answer yet.
        """
        if self.state.done:
            return "done"
        if self.state.stalled:
            return "stalled"
        if limits.requests is not None and self.state.answers + in_flight >= limits.requests:
            return "requests"
        each = self.paid / self.state.answers if self.state.answers else 0.0
        if limits.cost is not None and self.paid + (in_flight + 1) * each > limits.cost:
            return "cost"
        return None

    def close(self) -> None:
        self.journal.close()
