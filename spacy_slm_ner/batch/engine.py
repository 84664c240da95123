"""What runs tasks."""

from typing import Iterable, Iterator, Protocol

from .shard_files import ShardHeader
from .tasks import Task


class Engine(Protocol):
    """Runs tasks on several workers, of which any may die at any time."""

    def run(self, tasks: Iterable[Task]) -> Iterator[ShardHeader]:
        """Yield the counts of each shard when its result is on the disk, in any order.

        Tasks are taken from the stream when there is a worker for them.

        RAISES (SlmNerError): If a task cannot be done.
        """
        ...
