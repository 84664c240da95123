"""Learning rates that thinc does not have."""

import math
from typing import Iterable


def cosine(initial_rate: float, total_steps: int, warmup_steps: int = 0, final_rate: float = 0.0) -> Iterable[float]:
    """Registered as `spacy-slm-ner.cosine.v1`: a linear warm-up, then half a cosine (Loshchilov & Hutter 2017, no restarts).

    initial_rate (float): Rate at the end of the warm-up.
    total_steps (int): Number of steps, warm-up included.
    warmup_steps (int): Number of steps from 0 up to the initial rate; if there are no others, the final rate follows at once.
    final_rate (float): Rate of the last step and all after it.
    YIELDS (float): The rate of each step, without end.
    """
    if warmup_steps < 0 or total_steps < 1:
        raise ValueError(
            f"Got warmup_steps = {warmup_steps} of total_steps = {total_steps}. Allowed are at least one step in all, and no "
            "negative number of steps of warm-up."
        )
    return _cosine(initial_rate, total_steps, warmup_steps, final_rate)


def _cosine(initial_rate: float, total_steps: int, warmup_steps: int, final_rate: float) -> Iterable[float]:
    for step in range(warmup_steps):
        yield initial_rate * (step + 1) / (warmup_steps + 1)
    steps = total_steps - warmup_steps
    for step in range(steps):
        yield final_rate + (initial_rate - final_rate) * (1 + math.cos(math.pi * step / max(steps - 1, 1))) / 2
    while True:
        yield final_rate
