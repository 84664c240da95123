"""A run through the Batch API: half the price, and answers within a day. Killed, it goes on with the batch that it had begun."""

import asyncio
import json
import uuid
from dataclasses import dataclass
from typing import Any, Iterator, Optional

import openai

from ..errors import EndpointError
from .endpoint import Endpoint, read_completion
from .run import End, Limits, Run
from .state import Job, Reply

DISCOUNT = 0.5
OVER = ("completed", "failed", "expired", "cancelled")


@dataclass
class Batch:
    """Requests that are sent together.

    token (str): By which the endpoint's batch is found again, if the process died before its id was written down.
    jobs (dict[str, Job]): Those without an answer, by their number.
    id (Optional[str]): Of the endpoint; None if it was not begun.
    """

    token: str
    jobs: dict[str, Job]
    id: Optional[str] = None


async def ask_batches(run: Run, endpoint: Endpoint, limits: Limits, pause: float = 30.0) -> End:
    """Ask in batches until the run ends.

    run (Run): Where it stands.
    endpoint (Endpoint): Has the files and batches of OpenAI's API.
    limits (Limits): The cost is looked at between batches only.
    pause (float): Seconds between two looks at a batch.
    RETURNS (End): Why it ended.
    """
    batch = unfinished(run)
    for job in batch.jobs.values() if batch else ():
        run.state.expect(job)
    try:
        while True:
            if batch is None:
                end = run.end(limits)
                if end is not None:
                    return end
                batch = plan(run, limits)
            if batch.id is None:
                batch.id = await find(endpoint, batch.token) or await begin(endpoint, run, batch)
                run.journal.append([{"kind": "created", "token": batch.token, "id": batch.id}])
            await collect(endpoint, run, batch, pause)
            run.journal.append([{"kind": "collected", "token": batch.token}])
            batch = None
    except openai.APIError as error:
        explained = endpoint.explain(error)
    except EndpointError as error:
        explained = error
    run.last_error = str(explained)
    return explained.kind  # type: ignore[return-value]


def unfinished(run: Run) -> Optional[Batch]:
    """The batch that an earlier process had begun, without the requests whose answers it had stored."""
    batch: Optional[Batch] = None
    for entry in run.journal.entries:
        if entry["kind"] == "batch":
            batch = Batch(entry["token"], {str(job["number"]): Job.model_validate(job) for job in entry["jobs"]})
        elif entry["kind"] == "created" and batch is not None:
            batch.id = entry["id"]
        elif entry["kind"] == "answer" and batch is not None:
            batch.jobs.pop(str(entry["job"]["number"]), None)
        elif entry["kind"] == "collected":
            batch = None
    return batch


def plan(run: Run, limits: Limits) -> Batch:
    """All requests that may be sent now, written down."""
    jobs = {str(job.number): job for job in wanted(run, limits)}
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


async def find(endpoint: Endpoint, token: str) -> Optional[str]:
    """Id of the batch with a token, if there is one."""
    async for batch in endpoint.client.batches.list(limit=100):
        if (batch.metadata or {}).get("token") == token:
            return batch.id
    return None


async def begin(endpoint: Endpoint, run: Run, batch: Batch) -> str:
    """Send a batch. RETURNS (str): Its id."""
    lines = [
        json.dumps(
            {"custom_id": number, "method": "POST", "url": "/v1/chat/completions", "body": endpoint.body(job.messages(run.spec))}
        )
        for number, job in batch.jobs.items()
    ]
    content = "\n".join(lines).encode("utf8")
    file = await endpoint.client.files.create(file=("requests.jsonl", content), purpose="batch")
    made = await endpoint.client.batches.create(
        input_file_id=file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"token": batch.token},
    )
    return made.id


async def collect(endpoint: Endpoint, run: Run, batch: Batch, pause: float) -> None:
    """Wait for a batch, and take its answers.

    RAISES (EndpointError): If it brought none.
    """
    if batch.id is None or not batch.jobs:
        return
    while (found := await endpoint.client.batches.retrieve(batch.id)).status not in OVER:
        await asyncio.sleep(pause)
    files = [file for file in (found.output_file_id, found.error_file_id) if file]
    contents = [(await endpoint.client.files.content(file)).text for file in files]
    answered = [pair for content in contents for line in content.splitlines() for pair in read_line(line, batch, endpoint)]
    run.store(answered)
    for job, _ in answered:
        batch.jobs.pop(str(job.number))
    for job in batch.jobs.values():
        run.state.give_up(job)
    if not answered:
        said = endpoint.redact(str(found.errors.model_dump() if found.errors else found.status))[:300]
        raise EndpointError(f"The batch {batch.id} brought no answer: {said}", "request")


def read_line(line: str, batch: Batch, endpoint: Endpoint) -> Iterator[tuple[Job, Reply]]:
    """The answer of one line, if it is one, to a request that has none yet."""
    entry: dict[str, Any] = json.loads(line) if line.strip() else {}
    response = entry.get("response") or {}
    job = batch.jobs.get(str(entry.get("custom_id")))
    if job is not None and response.get("status_code") == 200:
        yield job, read_completion(response["body"], endpoint.redact, DISCOUNT)
