"""How sure a generator was of a part of its answer."""

import math
from typing import Iterator

from .guide import Answer


def logprob_between(answer: Answer, start: int, end: int) -> float:
    """Log-probability of all decisions that wrote a range of characters.

    answer (Answer): What was written.
    start (int): First character.
    end (int): Character after the last one.
    RETURNS (float): Sum over the segments that the range touches, 0.0 or less.
    """
    return sum(logprob for first, last, logprob in segments(answer) if first < end and start < last)


def segments(answer: Answer) -> Iterator[tuple[int, int, float]]:
    """Range of characters and log-probability of each segment."""
    position = 0
    for written in answer.path:
        start, position = position, position + len(written.edge.text)
        yield start, position, written.logprob


def scale(probability: float, temperature: float) -> float:
    """Temperature scaling (Guo et al. 2017) of the probability that something is right.

    probability (float): From 0 to 1.
    temperature (float): The log-odds are divided by it: 1.0 changes nothing, above it scores become less sure.
    RETURNS (float): From 0 to 1.
    """
    sure = min(max(probability, 1e-12), 1 - 1e-12)
    odds = (math.log(sure) - math.log1p(-sure)) / temperature
    return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))
