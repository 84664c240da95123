"""Numbers about the answers to the questions on a text, from which `evaluate` makes rates."""

from collections import Counter
from typing import NamedTuple

from .answer_problems import kind_of
from .base import ParsedAnswer

# What may be wrong with an entity that an answer names, so that it is not used.
NOT_USED = ("unknown label", "not in the text", "copied from an example", "duplicate", "overlap")
# What may be wrong with an answer of which nothing can be used.
NOT_READ = ("no answer", "malformed", "cut off")


class AnswerCounts(NamedTuple):
    """Numbers about answers.

    queries (int): Requests.
    unparsable (int): Answers of which nothing could be read.
    entities (int): Entities that answers name.
    hallucinated (int): Those that are not in the text.
    copied (int): Those that are in an example of the prompt instead.
    conflicts (int): Those that overlap another one.
    """

    queries: int = 0
    unparsable: int = 0
    entities: int = 0
    hallucinated: int = 0
    copied: int = 0
    conflicts: int = 0

    def plus(self, other: "AnswerCounts") -> "AnswerCounts":
        """Add up the numbers one by one."""
        return AnswerCounts(*(one + two for one, two in zip(self, other)))


def count_answer(parsed: ParsedAnswer, problems: list[str]) -> AnswerCounts:
    """Count what is known about one answer.

    parsed (ParsedAnswer): Its content.
    problems (list[str]): All its problems.
    """
    kinds = Counter(map(kind_of, problems))
    is_empty = not parsed.found and parsed.intent is None
    return AnswerCounts(
        queries=1,
        unparsable=int(is_empty and any(kinds[kind] for kind in NOT_READ)),
        entities=len(parsed.found) + sum(kinds[kind] for kind in NOT_USED),
        hallucinated=kinds["not in the text"],
        copied=kinds["copied from an example"],
        conflicts=kinds["overlap"],
    )
