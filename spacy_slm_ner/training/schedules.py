"""`spacy-slm-ner.cosine.v1`: a learning-rate schedule that thinc does not have."""

import math
from typing import Iterable


def cosine(initial_rate: float, total_steps: int, warmup_steps: int = 0, final_rate: float = 0.0) -> Iterable[float]:
    """Make a schedule of linear warm-up and cosine decay, registered as `spacy-slm-ner.cosine.v1`.

    The decay is that of Loshchilov & Hutter (2017) without restarts.

    initial_rate (float): Rate at the end of the warm-up.
    total_steps (int): Number of steps, warm-up included.
    warmup_steps (int): Number of steps from 0 up to the initial rate. If all steps are warm-up, the final rate follows at once.
    final_rate (float): Rate of the last step and all after it.
    RETURNS (Iterable[float]): Rate of each step, without end.
    RAISES (ValueError): If there is no step, or the warm-up has a negative number of steps.
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
    decay_steps = total_steps - warmup_steps
    for step in range(decay_steps):
        yield final_rate + (initial_rate - final_rate) * (1 + math.cos(math.pi * step / max(decay_steps - 1, 1))) / 2
    while True:
        yield final_rate
