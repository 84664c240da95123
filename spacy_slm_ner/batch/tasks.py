"""Tasks of workers, and what becomes of one whose worker died."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ..errors import BatchError
from .shard_files import take_row_number
from .shards import Shard

# Times that workers may die at a row before it is given up.
MOST_STRIKES = 2
# Times that workers may die over a shard before they have begun with any of its rows.
MOST_STARTS = 3


class Task(NamedTuple):
    """A shard to annotate.

    shard (Shard): The shard.
    deaths (int): How many workers died over it.
    strikes (tuple[int, ...]): The rows at which they died, as far as that is known.
    starts (int): How many died before the first row.
    """

    shard: Shard
    deaths: int = 0
    strikes: tuple[int, ...] = ()
    starts: int = 0

    @property
    def row_by_row(self) -> bool:
        """Whether rows are read one by one, and noted. A worker that dies once may have been killed by anybody."""
        return self.deaths > 1

    @property
    def given_up(self) -> frozenset[int]:
        """Rows that are not read any more."""
        return frozenset(row for row, count in Counter(self.strikes).items() if count >= MOST_STRIKES)

    def after_death(self, folder: Path) -> "Task":
        """Return the task that is tried after a worker died.

        RAISES (BatchError): If workers die whatever they read.
        """
        row = take_row_number(folder, self.shard.number) if self.row_by_row else None
        deaths = self.deaths + 1
        if row is not None:
            return self._replace(deaths=deaths, strikes=(*self.strikes, row))
        starts = self.starts + 1 if self.row_by_row else 0
        if starts == MOST_STARTS:
            raise BatchError(
                f"{deaths} workers died over the same texts, the last {MOST_STARTS} before they had read one. They may lack "
                "memory to load the pipeline: take fewer --workers. The same command goes on."
            )
        return self._replace(deaths=deaths, starts=starts)
