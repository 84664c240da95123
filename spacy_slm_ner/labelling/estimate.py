"""Estimate of what a run would ask and pay."""

from typing import Iterable, Iterator, NamedTuple, Optional

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..endpoints.answer_cache import AnswerCache
from ..endpoints.prices import Usage
from ..endpoints.token_counts import count_prompt, count_tokens
from ..formats.base import Question
from ..models.openai_endpoint import messages_of
from .endpoints import EndpointPipe, endpoints_of
from .labeller import Labeller

# An answer is taken to name an entity of two words for every so many words of the text.
WORDS_PER_ENTITY = 12


class Estimate(NamedTuple):
    """Estimate of a run in which nothing is asked twice.

    texts (int): Number of texts.
    requests (int): Number of requests that have no answer in the cache yet.
    usage (Usage): Their tokens.
    cost (Optional[float]): US dollars; None if a price is not known.
    asks (bool): Whether the pipeline asks an endpoint at all.
    """

    texts: int
    requests: int
    usage: Usage
    cost: Optional[float]
    asks: bool


def estimate(nlp: Language, texts: Iterable[str], passes: int = 1) -> Estimate:
    """Estimate the requests, tokens and cost of labelling texts.

    nlp (Language): The pipeline; it is not run.
    texts (Iterable[str]): The texts that can be labelled.
    passes (int): Number of passes.
    """
    labeller, endpoints = Labeller(nlp, passes), endpoints_of(nlp)
    usages: list[dict[str, Usage]] = [{} for _ in endpoints]
    number = 0
    for text in texts:
        number += 1
        for endpoint, found in zip(endpoints, usages):
            found |= usages_of(endpoint, nlp.make_doc(text), labeller)
    cost: Optional[float] = 0.0
    total, requests = Usage(), 0
    for endpoint, found in zip(endpoints, usages):
        new = list(without_answers(endpoint, found).values())
        usage = sum(new, Usage())
        cost = None if cost is None or endpoint.price is None else cost + endpoint.price.cost(usage)
        total, requests = total + usage, requests + len(new)
    return Estimate(number, requests, total, cost, bool(endpoints))


def usages_of(endpoint: EndpointPipe, doc: Doc, labeller: Labeller) -> Iterator[tuple[str, Usage]]:
    """Yield the key and the tokens of each request about a text."""
    for window, question, request in endpoint.pipe.questions(doc):
        usage = Usage(prompt=count_prompt(messages_of(request)), completion=count_tokens(likely_answer(question, window.doc)))
        for number in range(labeller.passes):
            labeller.set_pass(number)
            yield endpoint.shim.key_of(request), usage


def likely_answer(question: Question, doc: Doc) -> str:
    """Write an answer about as long as the right one."""
    starts = range(0, len(doc), WORDS_PER_ENTITY) if question.labels else ()
    spans = [Span(doc, start, min(start + 2, len(doc)), label=question.labels[0]) for start in starts]
    doc.set_ents(spans, default="outside")
    doc.cats = {intent: float(intent == question.intents[0]) for intent in question.intents}
    return question.target(doc)


def without_answers(endpoint: EndpointPipe, usages: dict[str, Usage]) -> dict[str, Usage]:
    """Return the requests that have no answer in the cache."""
    cache = endpoint.shim.settings.cache
    answered = AnswerCache(cache).find(usages) if cache else {}
    return {key: usage for key, usage in usages.items() if key not in answered}
