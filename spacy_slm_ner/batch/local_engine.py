"""Workers on this machine: spawned processes, of which each has a pipe of its own.

A queue that several processes share stays locked for ever when the one that holds the lock is killed.
"""

import os
import signal
from collections import deque
from contextlib import suppress
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Iterable, Iterator, Optional, Union

from ..errors import BatchError, SlmNerError
from .annotate_shard import annotate_shard
from .settings import WorkerSpec
from .shard_files import ShardHeader
from .tasks import Task

# A header, or why the job has to end.
Reply = Union[ShardHeader, str]


class LocalEngine:
    """Runs tasks in processes of this machine.

    spec (WorkerSpec): What workers have to know.
    workers (int): Number of processes.
    """

    def __init__(self, spec: WorkerSpec, workers: int) -> None:
        self.spec = spec._replace(threads=max(1, (os.cpu_count() or 1) // workers))
        self.workers = workers

    def run(self, tasks: Iterable[Task]) -> Iterator[ShardHeader]:
        """See `Engine`."""
        stream, ahead = iter(tasks), deque[Task]()
        workers: list[Worker] = []
        try:
            while True:
                # One task more for each worker than they have, so that none waits for the input to be read.
                ahead.extend(islice(stream, max(0, self.workers - len(ahead))))
                workers += [Worker(self.spec) for _ in range(min(self.workers - len(workers), len(ahead)))]
                for worker in workers:
                    if worker.task is None and ahead:
                        worker.send(ahead.popleft())
                        ahead.extend(islice(stream, 1))
                busy = {worker.connection: worker for worker in workers if worker.task is not None}
                if not busy:
                    return
                for connection in wait(list(busy)):
                    worker = busy[connection]  # type: ignore[index]
                    task, reply = worker.receive()
                    if reply is None:
                        workers.remove(worker)
                        ahead.appendleft(task.after_death(self.spec.folder))
                    elif isinstance(reply, str):
                        raise BatchError(reply)
                    else:
                        yield reply
        finally:
            for worker in workers:
                worker.stop()


class Worker:
    """A process that annotates one shard after the other.

    spec (WorkerSpec): What it has to know.
    """

    def __init__(self, spec: WorkerSpec) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.task: Optional[Task] = None
        self._process = context.Process(target=serve, args=(theirs, spec), daemon=True)
        self._process.start()
        # The end of the pipe shows that the process died, once nobody else holds it.
        theirs.close()

    def send(self, task: Task) -> None:
        """Give it a task. If it died, that shows when its reply is awaited."""
        self.task = task
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(task)

    def receive(self) -> tuple[Task, Optional[Reply]]:
        """Return its task and its reply; None if it died."""
        task, self.task = self.task, None
        assert task is not None
        try:
            reply: Reply = self.connection.recv()
            return task, reply
        except (EOFError, ConnectionResetError):
            self.stop()
            return task, None

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self._process.kill()
        self._process.join()


def serve(connection: Connection, spec: WorkerSpec) -> None:
    """Annotate shards until the other end of the pipe is closed, as it is when the other process dies."""
    # An interrupt goes to all processes of a terminal; the first ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            connection.send(reply_to(connection.recv(), spec))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def reply_to(task: Task, spec: WorkerSpec) -> Reply:
    try:
        return annotate_shard(task, spec)
    except SlmNerError as error:
        return str(error)
    except Exception as error:  # such as a full disk; an end without words would look like a text that kills
        return f"{type(error).__name__}: {error}. The same command goes on."
