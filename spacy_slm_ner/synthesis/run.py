"""A run of `generate`: many requests at a time, every answer on the disk before it is looked at."""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Literal, Optional

from pydantic import ValidationError
from spacy.language import Language

from ..errors import EndpointError, ReadError
from .endpoint import Endpoint
from .fingerprints import FREE_FIELDS, is_under_way, spec_fingerprint
from .jobs import Job, Outcome, Reply
from .journal import Journal, append_lines, write_lines
from .prices import Price, Usage
from .spec import Spec
from .state import RunState
from .validation import RecordValidator

End = Literal["done", "cost", "requests", "stalled", "key", "credit", "request", "down"]
# Requests in a row without an answer, after which a run ends.
FAILURES = 5


@dataclass(frozen=True)
class Limits:
    """Where a run stops.

    concurrency (int): Most requests at a time.
    cost (Optional[float]): US dollars.
    requests (Optional[int]): Answers, those of earlier calls included.
    """

    concurrency: int = 8
    cost: Optional[float] = None
    requests: Optional[int] = None


@dataclass
class Run:
    """What is written, and what was paid.

    spec (Spec): What is wanted.
    output (Path): File of the records; the journal and the rejects stand beside it.
    nlp (Language): Its tokenizer makes the tokens.
    price (Optional[Price]): Of the model; None if it is not known.
    watch (Callable[[Run], None]): Called after every answer.
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
            self._go_on()
        except BaseException:
            self.journal.close()
            raise

    @property
    def journal_path(self) -> Path:
        return self.output.with_name(f"{self.output.stem}.journal.jsonl")

    @property
    def rejects_path(self) -> Path:
        return self.output.with_name(f"{self.output.stem}.rejected.jsonl")

    def _go_on(self) -> None:
        """Come to where the journal ends, and write the other files as they follow from it."""
        outcomes = [self._replay(entry) for entry in self._begin()]
        for line in self.journal.damaged:
            outcomes.append(self.state.lose(line.text, f"line {line.number} of {self.journal_path.name} is {line.reason}"))
        write_lines(self.output, (record for outcome in outcomes for record in outcome.records))
        write_lines(self.rejects_path, (reject for outcome in outcomes for reject in outcome.rejects))

    def _begin(self) -> list[dict[str, Any]]:
        """Entries since the spec was last changed, which it may be until something is answered or a batch is on its way.

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
            return self._take(job, reply, known=True)
        self.state.expect(job)
        return self.state.set_aside(job, reason)

    def _take(self, job: Job, reply: Reply, known: bool = False) -> Outcome:
        if known:
            self.state.expect(job)
        self.usage += reply.usage
        self.paid += reply.discount * (self.price.cost(reply.usage) if self.price else 0.0)
        return self.state.take(job, reply)

    def store(self, answered: list[tuple[Job, Reply]]) -> None:
        """Take answers: first to the journal, then to the files that follow from it."""
        self.journal.append(
            {"kind": "answer", "job": job.model_dump(mode="json"), "reply": reply.model_dump(mode="json")}
            for job, reply in answered
        )
        self._write([self._take(job, reply) for job, reply in answered])

    def set_aside(self, job: Job, reason: str) -> None:
        """Set a request aside that the endpoint refuses for its content."""
        self.journal.append([{"kind": "filtered", "job": job.model_dump(mode="json"), "reason": reason}])
        self._write([self.state.set_aside(job, reason)])

    def lose(self, text: str, reason: str) -> None:
        """Write down what came back and cannot be read."""
        entry = {"kind": "unread", "text": text, "reason": reason}
        if entry not in self.journal.entries:
            self.journal.append([entry])
            self._write([self.state.lose(text, reason)])

    def _write(self, outcomes: list[Outcome]) -> None:
        append_lines(self.output, [record for outcome in outcomes for record in outcome.records])
        append_lines(self.rejects_path, [reject for outcome in outcomes for reject in outcome.rejects])
        self.watch(self)

    def end(self, limits: Limits, in_flight: int = 0) -> Optional[End]:
        """Why no further request may be sent; None if one may."""
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

    async def ask(self, endpoint: Endpoint, limits: Limits) -> End:
        """Ask until the run ends. RETURNS (End): Why it ended."""
        tasks: dict[asyncio.Task[Reply], Job] = {}
        fatal: Optional[End] = None
        try:
            while True:
                while fatal is None and len(tasks) < limits.concurrency and self.end(limits, len(tasks)) is None:
                    job = self.state.next_job()
                    if job is None:
                        break
                    tasks[asyncio.create_task(endpoint.ask(job.messages(self.spec)))] = job
                if not tasks:
                    return fatal or self.end(limits) or "done"
                finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                fatal = self._collect({task: tasks.pop(task) for task in finished}) or fatal
        finally:
            for task in tasks:
                task.cancel()

    def _collect(self, finished: dict["asyncio.Task[Reply]", Job]) -> Optional[End]:
        """Take what has come in. RETURNS (Optional[End]): Why to stop, if so."""
        errors = {task: task.exception() for task in finished}
        answered = [(job, task.result()) for task, job in finished.items() if errors[task] is None]
        if answered:
            self.failures = 0
            self.store(answered)
        ends: list[End] = []
        for task, job in finished.items():
            error = errors[task]
            if error is None:
                continue
            if not isinstance(error, EndpointError):
                raise error
            if error.kind == "content":
                self.failures = 0
                self.set_aside(job, str(error))
                continue
            self.state.give_up(job)
            self.failures += 1
            self.last_error = str(error)
            if error.kind != "down" or self.failures >= FAILURES:
                ends.append(error.kind)  # type: ignore[arg-type]
        return ends[0] if ends else None

    def close(self) -> None:
        self.journal.close()
