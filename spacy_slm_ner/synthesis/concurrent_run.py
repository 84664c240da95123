"""A run with many requests at a time."""

import asyncio
from typing import Optional

from ..endpoints.endpoint import Endpoint
from ..endpoints.replies import Reply
from ..errors import EndpointError
from .jobs import Job
from .run import End, Limits, Run

# Requests in a row without an answer after which a run ends.
MAX_FAILURES = 5


async def ask_concurrently(run: Run, endpoint: Endpoint, limits: Limits) -> End:
    """Ask until the run ends.

    run (Run): The run.
    endpoint (Endpoint): The endpoint to ask.
    limits (Limits): Its limits.
    RETURNS (End): Why it ended.
    """
    tasks: dict[asyncio.Task[Reply], Job] = {}
    fatal: Optional[End] = None
    try:
        while True:
            while fatal is None and len(tasks) < limits.concurrency and run.end(limits, len(tasks)) is None:
                job = run.state.next_job()
                if job is None:
                    break
                tasks[asyncio.create_task(endpoint.ask(job.messages(run.spec)))] = job
            if not tasks:
                return fatal or run.end(limits) or "done"
            finished, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            fatal = store_finished(run, {task: tasks.pop(task) for task in finished}) or fatal
    finally:
        for task in tasks:
            task.cancel()


def store_finished(run: Run, finished: dict["asyncio.Task[Reply]", Job]) -> Optional[End]:
    """Store the results of finished requests.

    RETURNS (Optional[End]): Why to end the run; None to continue.
    """
    errors = {task: task.exception() for task in finished}
    answered = [(job, task.result()) for task, job in finished.items() if errors[task] is None]
    if answered:
        run.failures = 0
        run.store(answered)
    ends = [store_error(run, job, error) for task, job in finished.items() if (error := errors[task]) is not None]
    return next((end for end in ends if end is not None), None)


def store_error(run: Run, job: Job, error: BaseException) -> Optional[End]:
    """Set aside a request that was refused for its content, or give up one without an answer.

    RETURNS (Optional[End]): Why to end the run; None to continue.
    """
    if not isinstance(error, EndpointError):
        raise error
    if error.kind == "content":
        run.failures = 0
        run.set_aside(job, str(error))
        return None
    run.state.give_up(job)
    run.failures += 1
    run.last_error = str(error)
    return error.kind if error.kind != "down" or run.failures >= MAX_FAILURES else None  # type: ignore[return-value]
