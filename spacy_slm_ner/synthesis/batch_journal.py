"""Batches in the journal of a run: planned, created, and then collected or written off."""

import uuid
from dataclasses import dataclass, field
from itertools import islice
from typing import Iterator, Optional

from .jobs import Job
from .run import Limits, Run

# Most requests that OpenAI accepts in one batch.
MAX_REQUESTS = 50_000


@dataclass
class Batch:
    """Requests that are sent together.

    token (str): Finds the batch at the endpoint if the process died before the journal had its id.
    jobs (dict[str, Job]): Requests without an answer, by number.
    id (Optional[str]): Id at the endpoint; None if the batch was not created.
    address (Optional[str]): Endpoint at which it was created; None if the journal does not say.
    sent (frozenset[str]): Numbers of all its requests.
    """

    token: str
    jobs: dict[str, Job]
    id: Optional[str] = None
    address: Optional[str] = None
    sent: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.sent = frozenset(self.jobs)


def unfinished_batch(run: Run) -> Optional[Batch]:
    """Return the batch that an earlier process left unfinished, without the requests whose answers it had stored."""
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


def plan_batch(run: Run, limits: Limits) -> Batch:
    """Gather all requests that may be sent now, and record them as a batch."""
    jobs = {str(job.number): job for job in islice(next_jobs(run, limits), MAX_REQUESTS)}
    batch = Batch(uuid.uuid4().hex, jobs)
    run.journal.append([{"kind": "batch", "token": batch.token, "jobs": [job.model_dump(mode="json") for job in jobs.values()]}])
    return batch


def next_jobs(run: Run, limits: Limits) -> Iterator[Job]:
    """Yield requests until all missing records are asked for, or a limit is reached."""
    number = 0
    while run.end(limits, number) in (None, "cost"):
        job = run.state.next_job()
        if job is None:
            return
        number += 1
        yield job


def record_created(run: Run, batch: Batch) -> None:
    """Record that the endpoint has created a batch."""
    run.journal.append([{"kind": "created", "token": batch.token, "id": batch.id, "address": batch.address}])


def record_collected(run: Run, batch: Batch) -> None:
    """Record that the answers of a batch are stored."""
    run.journal.append([{"kind": "collected", "token": batch.token}])


def write_off(run: Run, batch: Batch, reason: str) -> None:
    """Record that a batch brings no further answers."""
    run.journal.append([{"kind": "written_off", "token": batch.token, "id": batch.id, "reason": reason}])
