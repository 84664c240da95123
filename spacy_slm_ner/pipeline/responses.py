"""From a generator's answer to entities with scores."""

import math
from typing import NamedTuple

from spacy.tokens import Doc

from ..constraints.guide import Answer
from ..formats.answer_counts import AnswerCounts, count_answer
from ..formats.answer_problems import describe
from ..formats.base import Question, trim
from ..labels.temperature import scale
from ..types import ScoredSpan

# Characters of an answer that was cut off which its problem quotes.
LAST = 40


class ParsedResponse(NamedTuple):
    """The content of an answer about a Doc.

    found (list[ScoredSpan]): Entities, as ranges of tokens.
    cats (dict[str, float]): Probability of each intent, or 1.0 and 0.0 if it is not known; empty if the answer names none.
    problems (list[str]): One sentence for each part that could not be used.
    counts (AnswerCounts): How many entities and answers could be used.
    """

    found: list[ScoredSpan]
    cats: dict[str, float]
    problems: list[str]
    counts: AnswerCounts


def read_response(answer: Answer, question: Question, doc: Doc, temperature: float) -> ParsedResponse:
    """Read an answer, and score its entities by the probabilities of the decisions that wrote it, where they are known.

    answer (Answer): What was written.
    question (Question): What was asked. What an intent leaves of the probability is shared by the others that were offered.
    doc (Doc): The text.
    temperature (float): See `scale`.
    RETURNS (ParsedResponse): Entities without white space at their ends.
    """
    text = answer.text if answer.complete else question.complete_part(answer.text)
    parsed, intents = question.parse(text, doc), question.intents
    problems = [*answer.problems, *parsed.problems]
    if not answer.complete:
        problems.append(describe("cut off", answer.text[len(text) :] or answer.text[-LAST:], "at its longest length"))
    found = []
    for one in parsed.found:
        span = trim(doc, one.span)
        if span.start < span.end:
            logprob = answer.logprob(one.start, one.end)
            found.append(ScoredSpan(span, None if logprob is None else scale(math.exp(logprob), temperature)))
        else:
            problems.append("an entity of white space alone")
    cats = {}
    if parsed.intent is not None:
        sure = math.exp(answer.logprob(0, 1) or 0.0)
        cats = {name: sure if name == parsed.intent else (1 - sure) / (len(intents) - 1) for name in intents}
    return ParsedResponse(found, cats, [*map(str, problems)], count_answer(parsed, problems))
