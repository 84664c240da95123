"""From a generator's answer to entities with scores."""

import math
from typing import Iterator, NamedTuple, Sequence

from spacy.tokens import Doc

from ..decoding.walker import Answer
from ..formats.base import Parsed, trim
from ..types import ScoredSpan


class Reading(NamedTuple):
    """What an answer says about a Doc.

    found (list[ScoredSpan]): Entities, as ranges of tokens.
    cats (dict[str, float]): Probability of each intent; empty if the answer names none.
    problems (list[str]): One sentence for each part that could not be used.
    """

    found: list[ScoredSpan]
    cats: dict[str, float]
    problems: list[str]


def read_answer(answer: Answer, parsed: Parsed, doc: Doc, intents: Sequence[str], temperature: float) -> Reading:
    """Score what an answer says by the probabilities of the decisions that wrote it.

    answer (Answer): What was written.
    parsed (Parsed): What the format reads in it.
    doc (Doc): The text.
    intents (Sequence[str]): All intents that could have been named. What is left of the probability is shared by the others.
    temperature (float): See `calibrate`.
    RETURNS (Reading): Entities without white space at their ends.
    """
    problems = list(parsed.problems) + ([] if answer.complete else ["the answer was cut off at the limit of pieces"])
    found = []
    for one in parsed.found:
        span = trim(doc, one.span)
        if span.start < span.end:
            found.append(ScoredSpan(span, calibrate(logprob(answer, one.start, one.end), temperature)))
        else:
            problems.append("an entity of white space alone")
    cats = {}
    if parsed.intent is not None:
        sure = math.exp(logprob(answer, 0, 1))
        cats = {name: sure if name == parsed.intent else (1 - sure) / (len(intents) - 1) for name in intents}
    return Reading(found, cats, problems)


def logprob(answer: Answer, start: int, end: int) -> float:
    """Logarithm of the probability of all decisions that wrote a range of characters."""
    return sum(written for first, last, written in segments(answer) if first < end and start < last)


def segments(answer: Answer) -> Iterator[tuple[int, int, float]]:
    """Range of characters and log-probability of each segment."""
    position = 0
    for written in answer.path:
        start, position = position, position + len(written.edge.text)
        yield start, position, written.logprob


def calibrate(logprob: float, temperature: float) -> float:
    """Temperature scaling (Guo et al. 2017) of the probability that an entity is right.

    logprob (float): Logarithm of the probability, 0.0 or less.
    temperature (float): The log-odds are divided by it: 1.0 changes nothing, above it scores become less sure.
    RETURNS (float): From 0 to 1.
    """
    sure = min(max(math.exp(logprob), 1e-12), 1 - 1e-12)
    return 1 / (1 + math.exp(-(math.log(sure) - math.log1p(-sure)) / temperature))
