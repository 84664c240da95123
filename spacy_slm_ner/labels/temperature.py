"""Temperature scaling: what makes the scores of entities say how often they are right."""

import math


def scale(probability: float, temperature: float) -> float:
    """Scale the probability that something is right (Guo et al. 2017).

    probability (float): From 0 to 1.
    temperature (float): The log-odds are divided by it: 1.0 changes nothing, above it scores become less sure.
    RETURNS (float): From 0 to 1.
    """
    sure = min(max(probability, 1e-12), 1 - 1e-12)
    odds = (math.log(sure) - math.log1p(-sure)) / temperature
    return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))
