"""Batches as the journal holds them: planned, created, and then collected or written off."""

import uuid
from dataclasses import dataclass, field
from itertools import islice
from typing import Iterator, Optional

from .jobs import Job
from .run import Limits, Run

# Most requests that OpenAI takes in one batch.
MOST = 50_000


@dataclass
class Batch:
    """Requests that are sent together.

    token (str): By which the endpoint's batch is found again, if the process died before its id was written down.
    jobs (dict[str, Job]): Those without an answer, by their number.
    id (Optional[str]): Of the endpoint; None if it was not begun.
    address (Optional[str]): Where it was begun; None if that was not written down.
    sent (frozenset[str]): Numbers of all its requests.
    """

    token: str
    jobs: dict[str, Job]
    id: Optional[str] = None
    address: Optional[str] = None
    sent: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.sent = frozenset(self.jobs)


def unfinished(run: Run) -> Optional[Batch]:
    """The batch that an earlier process had begun, without the requests whose answers it had stored."""
    batch: Optional[Batch] = None
    for entry in run.journal.entries:
        kind = entry.get("kind")
        if kind == "batch":
            batch = Batch(entry["token"], {str(job["number"]): Job.model_validate(job) for job in entry["jobs"]})
        elif kind == "created" and batch is not None:
            batch.id, batch.address = entry["id"], entry.get("address")
        elif kind in ("answer", "filtered") and batch is not None:
            batch.jobs.pop(str(entry["job"]["number"]), None)
        elif kind in ("collected", "written_off"):
            batch = None
    return batch


def plan(run: Run, limits: Limits) -> Batch:
    """All requests that may be sent now, written down."""
    jobs = {str(job.number): job for job in islice(wanted(run, limits), MOST)}
    batch = Batch(uuid.uuid4().hex, jobs)
    run.journal.append([{"kind": "batch", "token": batch.token, "jobs": [job.model_dump(mode="json") for job in jobs.values()]}])
    return batch


def wanted(run: Run, limits: Limits) -> Iterator[Job]:
    number = 0
    while run.end(limits, number) in (None, "cost"):
        job = run.state.next_job()
        if job is None:
            return
        number += 1
        yield job


def write_off(run: Run, batch: Batch, reason: str) -> None:
    run.journal.append([{"kind": "written_off", "token": batch.token, "id": batch.id, "reason": reason}])
