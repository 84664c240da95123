"""A run of `generate`: many requests at a time, every answer on the disk before it is looked at."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Literal, Optional

from spacy.language import Language

from ..errors import EndpointError, ReadError
from .endpoint import Endpoint
from .journal import Journal, append_lines, write_lines
from .judge import Judge
from .prices import Price, Usage
from .spec import Spec
from .state import Job, Outcome, Reply, State

End = Literal["done", "cost", "requests", "stalled", "key", "credit", "request", "down"]
# Requests in a row without an answer, after which a run ends.
FAILURES = 5
# What may change between two calls of the same run.
FREE = {"records", "per_request", "base_url"}


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
    state: State = field(init=False)
    usage: Usage = field(default_factory=Usage, init=False)
    paid: float = field(default=0.0, init=False)
    failures: int = field(default=0, init=False)
    last_error: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if self.output.exists() and not self.journal_path.exists():
            raise ReadError(f"{self.output} exists, but was not written by `generate`. Name another output, or move it away.")
        self.journal = Journal(self.journal_path)
        self.state = State(self.spec, Judge(self.spec, self.nlp))
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
        if not self.journal.entries:
            self.journal.append([{"kind": "start", "spec": fingerprint(self.spec)}])
        if self.journal.entries[0].get("spec") != fingerprint(self.spec):
            raise ReadError(
                f"{self.output} was begun under another spec. Only {', '.join(sorted(FREE))} may change; name another output."
            )
        outcomes = [
            self._take(Job.model_validate(entry["job"]), Reply.model_validate(entry["reply"]), known=True)
            for entry in self.journal.entries
            if entry["kind"] == "answer"
        ]
        write_lines(self.output, (record for outcome in outcomes for record in outcome.records))
        write_lines(self.rejects_path, (reject for outcome in outcomes for reject in outcome.rejects))

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
        outcomes = [self._take(job, reply) for job, reply in answered]
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
            self.state.give_up(job)
            self.failures += 1
            self.last_error = str(error)
            if error.kind != "down" or self.failures >= FAILURES:
                ends.append(error.kind)  # type: ignore[arg-type]
        return ends[0] if ends else None

    def close(self) -> None:
        self.journal.close()


def fingerprint(spec: Spec) -> str:
    """Of all that decides how an answer is judged."""
    content: dict[str, Any] = {name: value for name, value in spec.model_dump(mode="json").items() if name not in FREE}
    return hashlib.sha256(repr(sorted(content.items())).encode("utf8")).hexdigest()
