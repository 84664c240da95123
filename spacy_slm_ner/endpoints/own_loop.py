"""An event loop that lives as long as one call."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Coroutine, TypeVar

T = TypeVar("T")


def run_in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop and a thread of its own, and wait for it.

    So it works where a loop runs already, as in a notebook. Nothing is alive between two calls that a fork could cut off.

    work (Coroutine[Any, Any, T]): The coroutine, which is cancelled if the user interrupts.
    RETURNS (T): Its result.
    """
    started: Future[Callable[[], object]] = Future()

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        started.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await task

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(asyncio.run, cancellable())
        try:
            return future.result()
        except KeyboardInterrupt:
            started.result()()
            raise
