"""Waiting for a batch, and storing its results."""

import asyncio
from typing import Any, Optional

from ..endpoints.refusals import Complaint, complaint_of
from ..errors import EndpointError
from .batch_api import BatchApi, NotFound
from .batch_journal import Batch
from .batch_results import Results, read_results
from .record_endpoint import RecordEndpoint
from .run import Run

DONE = ("completed", "succeeded", "ended")
OVER = (*DONE, "failed", "expired", "cancelled", "canceled", "error")
# Checks of a batch that claims to have answers, before its file of answers is given up.
MAX_CHECKS = 20


class BatchFailed(Exception):
    """A batch brings no (further) answers.

    reason (str): Why.
    complaint (Optional[Complaint]): The endpoint's complaint, if it has one.
    progress (bool): Whether the batch brought some answers before.
    """

    def __init__(self, reason: str, complaint: Optional[Complaint] = None, progress: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.complaint, self.progress = reason, complaint, progress


async def collect(run: Run, api: BatchApi, batch: Batch, pause: float) -> bool:
    """Wait for a batch, and store its answers.

    RETURNS (bool): Whether there are any, or requests were set aside.
    RAISES (BatchFailed): If there are none.
    """
    if batch.id is None or not batch.jobs:
        return False
    found = await wait_until_over(api, batch, pause)
    status = str(found.get("status")).lower()
    results = await download_results(api, batch, found)
    progress = bool(store_results(run, api.endpoint, batch, results))
    if not progress or (status not in DONE and batch.jobs):
        raise BatchFailed(*explain_failure(api.endpoint, batch, found, results, progress), progress)
    return True


async def wait_until_over(api: BatchApi, batch: Batch, pause: float) -> dict[str, Any]:
    """Wait until a batch is over.

    RETURNS (dict[str, Any]): The batch, as the endpoint describes it.
    RAISES (BatchFailed): If the endpoint does not know it.
    """
    checks = 0
    while True:
        try:
            found = await api.retrieve_batch(str(batch.id))
        except NotFound as error:
            await confirm_not_found(api, batch, error)
            continue
        status = str(found.get("status")).lower()
        if status in OVER and (not lacks_output_file(found) or checks >= MAX_CHECKS):
            return found
        checks += status in OVER
        await asyncio.sleep(pause)


def lacks_output_file(found: dict[str, Any]) -> bool:
    """Whether a batch claims to have answers, but their file is not there yet."""
    counts = found.get("request_counts") or {}
    return bool(counts.get("completed")) and not found.get("output_file_id")


async def confirm_not_found(api: BatchApi, batch: Batch, error: NotFound) -> None:
    """Look for a batch that the endpoint does not know among those that it lists, so that a wrong address costs nothing.

    RAISES (BatchFailed): If it is not there.
    RAISES (EndpointError): If it was created at another address.
    """
    address = str(api.endpoint.client.base_url)
    if batch.address not in (None, address):
        raise EndpointError(
            f"The batch {batch.id} was begun at {batch.address}, and {address} does not know it. Set `base_url` as it was.",
            "request",
        )
    found = await api.find_batch(batch.token)
    if found is None or found == batch.id:
        raise BatchFailed(f"The endpoint does not know the batch {batch.id} any more: {error.said}")
    batch.id = found


async def download_results(api: BatchApi, batch: Batch, found: dict[str, Any]) -> Results:
    """Download and read the result files of a batch.

    RAISES (BatchFailed): If the file of answers is gone.
    """
    whole = Results()
    for name in ("output_file_id", "error_file_id"):
        try:
            content = await api.download(str(found[name])) if found.get(name) else b""
        except NotFound as error:
            if name == "output_file_id":
                raise BatchFailed(f"The results of the batch {batch.id} are gone: {error.said}") from None
            continue
        answered = {str(job.number) for job, _ in whole.answered}
        waiting = {number: job for number, job in batch.jobs.items() if number not in answered}
        results = read_results(content, waiting, batch.sent, api.endpoint.redact)
        whole.answered += results.answered
        whole.refused += results.refused
        whole.unread += results.unread
    return whole


def store_results(run: Run, endpoint: RecordEndpoint, batch: Batch, results: Results) -> int:
    """Store the results of a batch.

    RETURNS (int): Number of requests that are settled.
    """
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


def explain_failure(
    endpoint: RecordEndpoint, batch: Batch, found: dict[str, Any], results: Results, progress: bool
) -> tuple[str, Optional[Complaint]]:
    """Return why a batch has failed, as a sentence, and the endpoint's complaint."""
    complaint = complaint_of(None, found["errors"], endpoint.redact) if found.get("errors") else None
    if complaint is None and results.refused:
        complaint = results.refused[0][1]
    brought = "brought some answers only" if progress else "brought no answer"
    said = complaint.said if complaint else f"its status is {found.get('status')}, and no reason was given"
    return f"The batch {batch.id} ({found.get('status')}) {brought}: {said}", complaint
