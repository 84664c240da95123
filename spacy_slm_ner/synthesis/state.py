"""The state of a run. All of it follows from the answers in the journal, so a killed run can be resumed."""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import Any, Deque, Optional, Sequence

from ..endpoints.replies import Reply
from .jobs import Job, Outcome, Repair, explain_no_record
from .quotas import Quotas, RecordRequest
from .response_parsing import parse_answer
from .spec import Spec
from .validation import Accepted, RecordValidator

# Answers in a row without a usable record after which a run ends.
MAX_FRUITLESS = 20


@dataclass
class RunState:
    """Everything that changes during a run.

    spec (Spec): The records to ask for.
    validator (RecordValidator): Validates records, and knows the accepted ones.
    quotas (Quotas): Counts of accepted and requested records.
    records (int): Number of accepted records.
    rejects (int): Number of rejects.
    answers (int): Number of answers.
    fruitless (int): Answers in a row without a usable record.
    repairs (Deque[tuple[RecordRequest, Repair]]): Records that wait to be sent back.
    last_reason (str): Why the last reject was rejected.
    """

    spec: Spec
    validator: RecordValidator
    quotas: Quotas = field(init=False)
    records: int = 0
    rejects: int = 0
    answers: int = 0
    fruitless: int = 0
    repairs: Deque[tuple[RecordRequest, Repair]] = field(default_factory=deque)
    last_reason: str = ""
    _asked: int = 0
    _jobs: int = 0

    def __post_init__(self) -> None:
        self.quotas = Quotas(self.spec)

    @property
    def done(self) -> bool:
        """Whether there are enough records."""
        return self.records >= self.spec.records

    @property
    def stalled(self) -> bool:
        """Whether too many answers in a row held no usable record."""
        return self.fruitless >= MAX_FRUITLESS

    def next_job(self) -> Optional[Job]:
        """Return the next request; None if all missing records are asked for already."""
        if self.done:
            return None
        if self.repairs:
            record_request, repair = self.repairs.popleft()
            return self._job((record_request,), repair)
        missing = self.spec.records - self.records - self._asked - len(self.repairs)
        if missing <= 0:
            return None
        rng = Random(f"{self.spec.seed}-{self.answers}-{self._jobs}")
        return self._job(tuple(self.quotas.next_requests(min(missing, self.spec.per_request), rng)))

    def _job(self, record_requests: tuple[RecordRequest, ...], repair: Optional[Repair] = None) -> Job:
        """Make a request with the next number."""
        self._asked += len(record_requests)
        self._jobs += 1
        return Job(number=self._jobs, record_requests=record_requests, repair=repair)

    def expect(self, job: Job) -> None:
        """Count a request that an earlier process had sent, before its answer is added."""
        self._asked += len(job.record_requests)
        self._jobs = max(self._jobs, job.number)
        if job.repair is not None and self._forget_repair(job.repair):
            return
        for record_request in job.record_requests:
            self.quotas.add(record_request)

    def _forget_repair(self, repair: Repair) -> bool:
        """Forget a record that waits to be sent back.

        RETURNS (bool): Whether it did wait, and so counts in the quotas.
        """
        waiting = next((one for one in self.repairs if one[1] == repair), None)
        if waiting is not None:
            self.repairs.remove(waiting)
        return waiting is not None

    def give_up(self, job: Job) -> None:
        """Return the records of a failed request to those that are missing."""
        self._asked -= len(job.record_requests)
        if job.repair is not None:
            self.repairs.append((job.record_requests[0], job.repair))
        else:
            for record_request in job.record_requests:
                self.quotas.add(record_request, -1)

    def add_reply(self, job: Job, reply: Reply) -> Outcome:
        """Validate the records of an answer, and add the accepted ones."""
        self._settle(job)
        self.answers += 1
        outcome = Outcome([], [])
        parsed = parse_answer(reply.text, len(job.record_requests))
        for i, payload in enumerate(parsed.records):
            self._add_record(payload, job.record_requests[min(i, len(job.record_requests) - 1)], job, reply, outcome)
        for lost in parsed.lost:
            self._reject(outcome, job, lost.text, [lost.reason])
        if not parsed.records and not parsed.lost:
            self._reject(outcome, job, reply.text[:2000], [explain_no_record(reply)])
        self.fruitless = 0 if outcome.records else self.fruitless + 1
        return outcome

    def set_aside(self, job: Job, reason: str) -> Outcome:
        """Count a request that the endpoint refuses for its content; its records are replaced by new ones."""
        self._settle(job)
        self.fruitless += 1
        outcome = Outcome([], [])
        self._reject(outcome, job, "" if job.repair is None else job.repair.payload, [reason])
        outcome.rejects[-1]["asked"] = job.messages(self.spec)[-1]["content"]
        return outcome

    def lose(self, text: str, reason: str) -> Outcome:
        """Count something that cannot be read any more, such as a damaged line of a file."""
        self.rejects += 1
        return Outcome([], [{"request": None, "reasons": [reason], "reasons_before": [], "answer": text}])

    def _settle(self, job: Job) -> None:
        """Count a request as no longer open."""
        self._asked -= len(job.record_requests)
        for record_request in job.record_requests:
            self.quotas.add(record_request, -1)

    def _add_record(self, payload: Any, record_request: RecordRequest, job: Job, reply: Reply, outcome: Outcome) -> None:
        """Accept a record, or send it back once, or reject it."""
        result = self.validator.validate(payload, record_request)
        if isinstance(result, Accepted):
            self.records += 1
            self.quotas.add(result.profile)
            outcome.records.append({**result.record.model_dump(exclude_none=True), "model": reply.model})
        elif result.repairable and job.repair is None:
            self.quotas.add(record_request)
            self.repairs.append((record_request, Repair(payload=payload, reasons=result.reasons)))
        else:
            self._reject(outcome, job, payload, result.reasons)

    def _reject(self, outcome: Outcome, job: Job, payload: Any, reasons: Sequence[str]) -> None:
        """Add a line to the rejects."""
        self.rejects += 1
        self.last_reason = "; ".join(reasons)
        reasons_before = [] if job.repair is None else list(job.repair.reasons)
        outcome.rejects.append(
            {"request": job.number, "reasons": list(reasons), "reasons_before": reasons_before, "answer": payload}
        )
