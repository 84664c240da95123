"""A run through the Batch API: half the price, and answers within a day. Killed, it goes on with the batch that it had begun.

A batch that is dead (failed, expired, cancelled, unknown to the endpoint, without an answer) is written off in the journal with
its reason, after its answers, if it has any, were taken. What it asked for is asked again.
"""

from typing import Optional

import openai

from ..errors import EndpointError
from .batch_api import BatchApi, Refused
from .batch_collect import Dead, collect
from .batch_plan import Batch, plan, unfinished, write_off
from .batch_results import DISCOUNT
from .endpoint import Endpoint
from .run import End, Limits, Run

__all__ = ["DISCOUNT", "ask_batches"]
# Dead batches in a row, after which a run ends.
DEAD = 2


async def ask_batches(run: Run, endpoint: Endpoint, limits: Limits, pause: float = 30.0) -> End:
    """Ask in batches until the run ends.

    run (Run): Where it stands.
    endpoint (Endpoint): Has the files and batches of OpenAI's API.
    limits (Limits): The cost is looked at between batches only.
    pause (float): Seconds between two looks at a batch.
    RETURNS (End): Why it ended.
    """
    try:
        return await follow(run, endpoint, limits, pause)
    except EndpointError as error:
        explained = error
    except (openai.OpenAIError, OSError, ValueError) as error:
        explained = endpoint.explain(error)
    run.last_error = str(explained)
    return explained.kind  # type: ignore[return-value]


async def follow(run: Run, endpoint: Endpoint, limits: Limits, pause: float) -> End:
    """Finish the batch of an earlier process, and send others until the run ends.

    RAISES (EndpointError): If the endpoint refuses, does not answer, or too many batches die in a row.
    """
    api, dead = BatchApi(endpoint), 0
    batch = unfinished(run)
    for job in batch.jobs.values() if batch else ():
        run.state.expect(job)
    while True:
        if batch is None:
            end = run.end(limits)
            if end is not None:
                return end
            batch = plan(run, limits)
        try:
            await begin_once(run, api, batch)
            answered = await collect(run, api, batch, pause)
            run.journal.append([{"kind": "collected", "token": batch.token}])
            dead = 0 if answered else dead
        except Dead as death:
            dead = 0 if death.progress else dead + 1
            write_off(run, batch, death.reason)
            stop_if_hopeless(endpoint, death, dead)
        for job in batch.jobs.values():
            run.state.give_up(job)
        batch = None


def stop_if_hopeless(endpoint: Endpoint, death: Dead, dead: int) -> None:
    """End a run whose batches die one after the other, or for a reason that another one would meet at once.

    RAISES (EndpointError): If so.
    """
    complaint = death.complaint
    if death.progress or (complaint is not None and endpoint.adapt(complaint, endpoint.body([]))):
        return
    if complaint is not None and complaint.kind in ("queue", "credit", "key"):
        raise endpoint.explain_complaint(complaint)
    if dead >= DEAD:
        raise EndpointError(
            f"{dead} batches in a row died. {death.reason} They are written off; the same command asks again in a new batch, or, "
            "without --batch, one by one.",
            "request",
        )


async def begin_once(run: Run, api: BatchApi, batch: Batch) -> None:
    """Send a batch, unless it was sent.

    RAISES (EndpointError): If the endpoint refuses it; it is written off then.
    """
    if batch.id is not None:
        return
    address = str(api.endpoint.client.base_url)
    try:
        batch.id = await find(api, batch.token) or await begin(api, batch)
    except Refused as error:
        write_off(run, batch, str(error))
        raise
    batch.address = address
    run.journal.append([{"kind": "created", "token": batch.token, "id": batch.id, "address": address}])


async def find(api: BatchApi, token: str) -> Optional[str]:
    """Id of the batch with a token, if there is one."""
    return await api.find(token)


async def begin(api: BatchApi, batch: Batch) -> str:
    """Send a batch. RETURNS (str): Its id."""
    return await api.begin(batch.token, batch.jobs)
