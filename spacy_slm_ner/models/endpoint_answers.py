"""From what an endpoint sends to the answer of a generator."""

import logging
import re
from itertools import accumulate
from typing import Iterator, Sequence

from ..answers.final_answer import final_answer
from ..constraints.grammar import Edge, find_path
from ..constraints.guide import Answer, ScoredSegment
from ..endpoints.replies import Reply, explain_no_answer
from ..errors import EndpointError
from ..formats.base import Request

logger = logging.getLogger("spacy_slm_ner")

FENCE = "```"
FENCED = re.compile(r"```[ \t]*\w*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)


def answer_without_reply(error: EndpointError) -> Answer:
    """Return the answer to a request that got none: nothing but the reason."""
    return Answer("", problems=(f"no answer: {error}",), too_long=error.complaint == "context")


def answer_from_reply(reply: Reply, request: Request) -> Answer:
    """Read a reply.

    reply (Reply): What the endpoint sent.
    request (Request): What was asked.
    RETURNS (Answer): The final answer, with its tokens as segments where their probabilities are known.
    """
    text = "" if reply.refusal else final_text(reply.text, request)
    reason = "" if text.strip() else explain_no_answer(reply)
    return Answer(text, tuple(segments(reply, text)), reply.finish != "length", (reason,) if reason else ())


def final_text(text: str, request: Request) -> str:
    """Return what is left without reasoning and code fences. What the grammar can write is an answer as it is."""
    final = unfenced(final_answer(text), request)
    return text if final == text or is_of_grammar(text, request) else final.strip()


def is_of_grammar(text: str, request: Request) -> bool:
    """Whether the grammar can write an answer, without its last line break too."""
    return any(find_path(request.grammar, written) is not None for written in (text, f"{text}\n"))


def warn_about_grammar(answers: Sequence[Answer], requests: Sequence[Request]) -> None:
    """Warn about complete answers that are outside of the grammar that was sent."""
    pairs = [pair for pair in zip(answers, requests) if pair[1].constrained and pair[0].complete and not pair[0].problems]
    outside = sum(not is_of_grammar(answer.text, request) for answer, request in pairs)
    if outside:
        logger.warning(
            "%d of %d answers are outside of the grammar that was sent: the server takes none, or under another name. See "
            "`structure` of the model.",
            outside,
            len(pairs),
        )


def unfenced(text: str, request: Request) -> str:
    """Return the inside of the first code fence, if there is one and the text that was asked about holds none."""
    found = FENCED.search(text) if FENCE not in request.messages[-1]["content"] else None
    return found[1] if found else text


def segments(reply: Reply, text: str) -> Iterator[ScoredSegment]:
    """Yield the tokens of an answer with their log-probabilities; none if it is no part of the reply, or they are not known.

    reply (Reply): The whole reply.
    text (str): The answer.
    """
    start = reply.text.rfind(text)
    if start < 0 or "".join(token for token, _ in reply.tokens) != reply.text:
        return
    for end_of_token, (token, logprob) in zip(token_ends(reply.tokens), reply.tokens):
        start_of_token = end_of_token - len(token)
        part = reply.text[max(start, start_of_token) : min(start + len(text), end_of_token)]
        if part:
            yield ScoredSegment(Edge(part, ()), logprob)


def token_ends(tokens: Sequence[tuple[str, float]]) -> Iterator[int]:
    """Iterate over the positions after each token."""
    return accumulate(len(token) for token, _ in tokens)
