"""Topic words, which keep a thousand records from having the same topic."""

from functools import cache
from importlib.resources import files
from random import Random

WORDS_PER_RECORD = 3


@cache
def seed_words() -> tuple[str, ...]:
    """Load several hundred plain nouns."""
    return tuple((files(__package__) / "data" / "seed_words.txt").read_text(encoding="utf8").split())


def draw_words(rng: Random) -> tuple[str, ...]:
    """Draw the topic words of one record."""
    return tuple(rng.sample(seed_words(), WORDS_PER_RECORD))
