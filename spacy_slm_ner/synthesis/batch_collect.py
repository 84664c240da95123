"""Waiting for a batch, and taking what it brings."""

import asyncio
from typing import Any, Optional

from ..errors import EndpointError
from .batch_api import BatchApi, Gone
from .batch_plan import Batch
from .batch_results import Results, read_results
from .endpoint import Endpoint
from .refusals import Complaint, complaint_of
from .run import Run

DONE = ("completed", "succeeded", "ended")
OVER = (*DONE, "failed", "expired", "cancelled", "canceled", "error")
# Looks at a batch that is said to have answers, until its file of answers is given up.
LOOKS = 20


class Dead(Exception):
    """A batch brings no (further) answers.

    reason (str): Why.
    complaint (Optional[Complaint]): What the endpoint says, if it says something.
    progress (bool): Whether it brought some before.
    """

    def __init__(self, reason: str, complaint: Optional[Complaint] = None, progress: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.complaint, self.progress = reason, complaint, progress


async def collect(run: Run, api: BatchApi, batch: Batch, pause: float) -> bool:
    """Wait for a batch, and take its answers.

    RETURNS (bool): Whether it brought any, or requests were set aside.
    RAISES (Dead): If it brought none.
    """
    if batch.id is None or not batch.jobs:
        return False
    found = await wait(api, batch, pause)
    status = str(found.get("status")).lower()
    results = await fetch(api, batch, found)
    progress = bool(take(run, api.endpoint, batch, results))
    if not progress or (status not in DONE and batch.jobs):
        raise Dead(*reason_of(api.endpoint, batch, found, results, progress), progress)
    return True


async def wait(api: BatchApi, batch: Batch, pause: float) -> dict[str, Any]:
    """The state of a batch that is over.

    RAISES (Dead): If the endpoint does not know it.
    """
    looks = 0
    while True:
        try:
            found = await api.look(str(batch.id))
        except Gone as gone:
            await confirm_gone(api, batch, gone)
            continue
        status = str(found.get("status")).lower()
        if status in OVER and (not is_late(found) or looks >= LOOKS):
            return found
        looks += status in OVER
        await asyncio.sleep(pause)


def is_late(found: dict[str, Any]) -> bool:
    """Whether a batch is said to have answers, but their file is not there yet."""
    counts = found.get("request_counts") or {}
    return bool(counts.get("completed")) and not found.get("output_file_id")


async def confirm_gone(api: BatchApi, batch: Batch, gone: Gone) -> None:
    """Look for a batch that the endpoint does not know among those that it lists, so that a wrong address costs nothing.

    RAISES (Dead): If it is not there.
    RAISES (EndpointError): If it was begun at another address.
    """
    address = str(api.endpoint.client.base_url)
    if batch.address not in (None, address):
        raise EndpointError(
            f"The batch {batch.id} was begun at {batch.address}, and {address} does not know it. Set `base_url` as it was.",
            "request",
        )
    found = await api.find(batch.token)
    if found is None or found == batch.id:
        raise Dead(f"The endpoint does not know the batch {batch.id} any more: {gone.said}")
    batch.id = found


async def fetch(api: BatchApi, batch: Batch, found: dict[str, Any]) -> Results:
    """What the files of a batch hold.

    RAISES (Dead): If the file of answers is gone.
    """
    whole = Results()
    for name in ("output_file_id", "error_file_id"):
        try:
            content = await api.download(str(found[name])) if found.get(name) else b""
        except Gone as gone:
            if name == "output_file_id":
                raise Dead(f"The results of the batch {batch.id} are gone: {gone.said}") from None
            continue
        answered = {str(job.number) for job, _ in whole.answered}
        waiting = {number: job for number, job in batch.jobs.items() if number not in answered}
        results = read_results(content, waiting, batch.sent, api.endpoint.redact)
        whole.answered += results.answered
        whole.refused += results.refused
        whole.unread += results.unread
    return whole


def take(run: Run, endpoint: Endpoint, batch: Batch, results: Results) -> int:
    """Write down what a batch brought. RETURNS (int): Number of requests that are done with."""
    run.store(results.answered)
    filtered = [(job, endpoint.explain_complaint(one)) for job, one in results.refused if one.kind == "content"]
    done = {str(job.number) for job, _ in results.answered}
    for job, error in filtered:
        if str(job.number) not in done:
            run.set_aside(job, str(error))
            done.add(str(job.number))
    for text, reason in results.unread:
        run.lose(text, reason)
    for number in done:
        batch.jobs.pop(number)
    return len(done)


def reason_of(
    endpoint: Endpoint, batch: Batch, found: dict[str, Any], results: Results, progress: bool
) -> tuple[str, Optional[Complaint]]:
    """Why a batch is dead, for people, and what the endpoint complains about."""
    complaint = complaint_of(None, found["errors"], endpoint.redact) if found.get("errors") else None
    if complaint is None and results.refused:
        complaint = results.refused[0][1]
    brought = "brought some answers only" if progress else "brought no answer"
    said = complaint.said if complaint else f"its status is {found.get('status')}, and no reason was given"
    return f"The batch {batch.id} ({found.get('status')}) {brought}: {said}", complaint
