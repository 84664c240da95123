"""Times of several things, taken in turns, so that what else the machine does meets all of them alike."""

from time import perf_counter
from typing import Any, Callable, Mapping


def in_turns(runs: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run by its name, without those of a first turn, which warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(repeats + 1):
        for name, run in runs.items():
            start = perf_counter()
            run()
            if number:
                seconds[name].append(perf_counter() - start)
    return seconds
