"""Where a run stands: all of it follows from the answers in the journal, so a killed run goes on where it was."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, Deque, NamedTuple, Optional, Sequence

from pydantic import BaseModel, ConfigDict

from .answers import read_answer
from .briefs import Brief, Quotas
from .judge import Accepted, Judge
from .prices import Usage
from .prompts import Messages, ask_again, ask_for
from .spec import Spec

# Answers in a row of which nothing could be taken, after which a run ends.
STALLED = 20


class Repair(BaseModel):
    """A record that is sent back.

    payload (Any): As it was written.
    reasons (tuple[str, ...]): What is wrong with it.
    """

    model_config = ConfigDict(frozen=True)
    payload: Any
    reasons: tuple[str, ...]


class Job(BaseModel):
    """One request.

    number (int): Of the request in the run.
    briefs (tuple[Brief, ...]): What is asked for.
    repair (Optional[Repair]): The record to correct; None for new ones.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    briefs: tuple[Brief, ...]
    repair: Optional[Repair] = None

    def messages(self, spec: Spec) -> Messages:
        if self.repair is None:
            return ask_for(self.briefs, spec)
        return ask_again(self.repair.payload, self.repair.reasons, self.briefs[0], spec)


class Reply(BaseModel):
    """What an endpoint answered.

    text (str): The answer; empty if it refused.
    model (str): The model that wrote it, as the endpoint names it.
    usage (Usage): Tokens.
    finish (str): Why it ended, such as "stop" or "length".
    refusal (str): What a model says that will not answer.
    discount (float): Part of the usual price that was paid.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    model: str
    usage: Usage
    finish: str = "stop"
    refusal: str = ""
    discount: float = 1.0


class Outcome(NamedTuple):
    """What became of one answer.

    records (list[dict[str, Any]]): Lines for the file of records.
    rejects (list[dict[str, Any]]): Lines for the file of rejects.
    """

    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


@dataclass
class State:
    """All that changes in a run.

    spec (Spec): What is wanted.
    judge (Judge): Knows what was taken.
    """

    spec: Spec
    judge: Judge
    quotas: Quotas = field(init=False)
    records: int = 0
    rejects: int = 0
    answers: int = 0
    fruitless: int = 0
    repairs: Deque[tuple[Brief, Repair]] = field(default_factory=deque)
    last_reason: str = ""
    _asked: int = 0
    _jobs: int = 0

    def __post_init__(self) -> None:
        self.quotas = Quotas(self.spec)

    @property
    def done(self) -> bool:
        return self.records >= self.spec.records

    @property
    def stalled(self) -> bool:
        return self.fruitless >= STALLED

    def next_job(self) -> Optional[Job]:
        """What to ask next; None if all that is missing is asked for already."""
        if self.done:
            return None
        if self.repairs:
            brief, repair = self.repairs.popleft()
            return self._job((brief,), repair)
        missing = self.spec.records - self.records - self._asked - len(self.repairs)
        if missing <= 0:
            return None
        chance = Random(f"{self.spec.seed}-{self.answers}-{self._jobs}")
        briefs = []
        for _ in range(min(missing, self.spec.per_request)):
            briefs.append(self.quotas.brief(chance))
            self.quotas.add(briefs[-1])
        return self._job(tuple(briefs))

    def _job(self, briefs: tuple[Brief, ...], repair: Optional[Repair] = None) -> Job:
        self._asked += len(briefs)
        self._jobs += 1
        return Job(number=self._jobs, briefs=briefs, repair=repair)

    def expect(self, job: Job) -> None:
        """Count a job that another process had asked for, before its answer is taken."""
        self._asked += len(job.briefs)
        self._jobs = max(self._jobs, job.number)
        for brief in job.briefs:
            if job.repair is None:
                self.quotas.add(brief)
        if job.repair is not None:
            self._forget_repair(job.repair)

    def _forget_repair(self, repair: Repair) -> None:
        for waiting in self.repairs:
            if waiting[1] == repair:
                self.repairs.remove(waiting)
                return

    def give_up(self, job: Job) -> None:
        """A request failed: what it asked for is asked for again."""
        self._asked -= len(job.briefs)
        if job.repair is not None:
            self.repairs.append((job.briefs[0], job.repair))
        else:
            for brief in job.briefs:
                self.quotas.add(brief, -1)

    def take(self, job: Job, reply: Reply) -> Outcome:
        """Judge the records of an answer."""
        self._asked -= len(job.briefs)
        self.answers += 1
        outcome = Outcome([], [])
        payloads = read_answer(reply.text)
        for brief in job.briefs:
            self.quotas.add(brief, -1)
        for i, payload in enumerate(payloads):
            self._take_one(payload, job.briefs[min(i, len(job.briefs) - 1)], job, reply, outcome)
        if not payloads:
            self._reject(outcome, job, reply.text[:2000], [no_record(reply)], reply)
        self.fruitless = 0 if outcome.records else self.fruitless + 1
        return outcome

    def _take_one(self, payload: Any, brief: Brief, job: Job, reply: Reply, outcome: Outcome) -> None:
        verdict = self.judge.judge(payload, brief)
        if isinstance(verdict, Accepted):
            self.records += 1
            self.quotas.add(verdict.shape)
            outcome.records.append({**verdict.record.model_dump(exclude_none=True), "model": reply.model})
        elif verdict.again and job.repair is None:
            self.quotas.add(brief)
            self.repairs.append((brief, Repair(payload=payload, reasons=verdict.reasons)))
        else:
            self._reject(outcome, job, payload, verdict.reasons, reply)

    def _reject(self, outcome: Outcome, job: Job, payload: Any, reasons: Sequence[str], reply: Reply) -> None:
        self.rejects += 1
        self.last_reason = "; ".join(reasons)
        first = [] if job.repair is None else list(job.repair.reasons)
        outcome.rejects.append({"request": job.number, "reasons": list(reasons), "reasons_before": first, "answer": payload})


def no_record(reply: Reply) -> str:
    if reply.refusal:
        return f"the model refused: {reply.refusal[:200]}"
    if reply.finish == "length":
        return "the answer was cut off before its first record ended"
    return "no record in the answer"
