"""Words that keep a thousand records from being about the same thing."""

from functools import cache
from importlib.resources import files
from random import Random

NUMBER = 3


@cache
def seed_words() -> tuple[str, ...]:
    """Several hundred plain nouns, from which three are drawn for each record."""
    return tuple((files(__package__) / "data" / "seed_words.txt").read_text(encoding="utf8").split())


def draw_words(rng: Random) -> tuple[str, ...]:
    """Words for one record."""
    return tuple(rng.sample(seed_words(), NUMBER))
