"""Temperature scaling, which calibrates the scores of entities."""

import math


def scale(probability: float, temperature: float) -> float:
    """Scale a probability by a temperature (Guo et al. 2017).

    probability (float): From 0 to 1.
    temperature (float): Divisor of the log-odds: 1.0 changes nothing, higher temperatures move scores towards 0.5.
    RETURNS (float): From 0 to 1.
    """
    sure = min(max(probability, 1e-12), 1 - 1e-12)
    odds = (math.log(sure) - math.log1p(-sure)) / temperature
    return 1 / (1 + math.exp(-min(max(odds, -700.0), 700.0)))
