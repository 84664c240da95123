"""A run through the Batch API: half the price, and answers within a day. A killed run resumes the batch that it had created.

A batch that has failed (or has expired, was cancelled, is unknown to the endpoint, or has no answer) is written off in the
journal with its reason, after the answers that it has are stored. Its open requests are asked again.
"""

import openai

from ..errors import EndpointError
from .batch_api import BatchApi, BatchRefused
from .batch_collect import BatchFailed, collect
from .batch_journal import Batch, plan_batch, record_collected, record_created, unfinished_batch, write_off
from .record_endpoint import RecordEndpoint
from .run import End, Limits, Run

# Failed batches in a row after which a run ends.
MAX_FAILED_BATCHES = 2


async def ask_batches(run: Run, endpoint: RecordEndpoint, limits: Limits, pause: float = 30.0) -> End:
    """Ask in batches until the run ends.

    run (Run): The run.
    endpoint (RecordEndpoint): An endpoint that has the files and batches of OpenAI's API.
    limits (Limits): Its limits; the cost is checked between batches only.
    pause (float): Seconds between two checks of a batch.
    RETURNS (End): Why it ended.
    """
    try:
        return await run_batches(run, endpoint, limits, pause)
    except EndpointError as error:
        explained = error
    except (openai.OpenAIError, OSError, ValueError) as error:
        explained = endpoint.explain(error)
    run.last_error = str(explained)
    return explained.kind  # type: ignore[return-value]


async def run_batches(run: Run, endpoint: RecordEndpoint, limits: Limits, pause: float) -> End:
    """Finish the batch of an earlier process, and create others until the run ends.

    RAISES (EndpointError): If the endpoint refuses, does not answer, or too many batches fail in a row.
    """
    api, failed = BatchApi(endpoint), 0
    batch = unfinished_batch(run)
    for job in batch.jobs.values() if batch else ():
        run.state.expect(job)
    while True:
        if batch is None:
            end = run.end(limits)
            if end is not None:
                return end
            batch = plan_batch(run, limits)
        try:
            await create_once(run, api, batch)
            answered = await collect(run, api, batch, pause)
            record_collected(run, batch)
            failed = 0 if answered else failed
        except BatchFailed as failure:
            failed = 0 if failure.progress else failed + 1
            write_off(run, batch, failure.reason)
            stop_if_hopeless(endpoint, failure, failed)
        for job in batch.jobs.values():
            run.state.give_up(job)
        batch = None


def stop_if_hopeless(endpoint: RecordEndpoint, failure: BatchFailed, failed: int) -> None:
    """End a run whose batches fail one after the other, or for a reason that would stop the next batch as well.

    failed (int): Number of failed batches in a row.
    RAISES (EndpointError): If the run must end.
    """
    complaint = failure.complaint
    if failure.progress or (complaint is not None and endpoint.adapt(complaint, endpoint.body([]))):
        return
    if complaint is not None and complaint.kind in ("queue", "credit", "key"):
        raise endpoint.explain_complaint(complaint)
    if failed >= MAX_FAILED_BATCHES:
        raise EndpointError(
            f"{failed} batches in a row died. {failure.reason} They are written off; the same command asks again in a new batch, "
            "or, without --batch, one by one.",
            "request",
        )


async def create_once(run: Run, api: BatchApi, batch: Batch) -> None:
    """Create a batch at the endpoint, unless it is there.

    RAISES (EndpointError): If the endpoint refuses it; it is written off then.
    """
    if batch.id is not None:
        return
    try:
        batch.id = await api.find_batch(batch.token) or await api.create_batch(batch.token, batch.jobs)
    except BatchRefused as error:
        write_off(run, batch, str(error))
        raise
    batch.address = str(api.endpoint.client.base_url)
    record_created(run, batch)
