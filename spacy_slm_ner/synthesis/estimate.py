"""Estimate of the cost of a run."""

from random import Random
from typing import NamedTuple, Optional

from ..endpoints.prices import Price, Usage
from ..endpoints.token_counts import count_prompt, count_tokens
from .prompts import ask_for
from .quotas import Quotas, RecordRequest
from .spec import Spec

# Mean number of entities of a label in a text that has it, and of words in an entity.
ENTITIES, WORDS = 1.3, 1.7
# JSON of a record, and of one word of an entity with its label.
RECORD_JSON = '{"text": "", "labels": [], "intent": "inquiry"}, '
WORD_JSON = '{"word": "word", "label": "B-LABEL", "occurrence": null}, '
# English words with the punctuation between them.
TOKENS_PER_WORD = 1.35


class Estimate(NamedTuple):
    """Estimate of a run in which no record is rejected.

    requests (int): Number of requests.
    usage (Usage): Tokens.
    cost (Optional[float]): US dollars; None if the price is not known.
    """

    requests: int
    usage: Usage
    cost: Optional[float]


def estimate(spec: Spec, price: Optional[Price], discount: float = 1.0) -> Estimate:
    """Estimate the cost of a run.

    spec (Spec): The records to ask for.
    price (Optional[Price]): Price of the model; None if it is not known.
    discount (float): Share of the usual price that is paid.
    """
    rng, quotas = Random(spec.seed), Quotas(spec)
    usage, requests = Usage(), 0
    for start in range(0, spec.records, spec.per_request):
        record_requests = quotas.next_requests(min(spec.per_request, spec.records - start), rng)
        answer = count_tokens('{"records": []}') + round(sum(record_tokens(one, spec) for one in record_requests))
        usage += Usage(prompt=count_prompt(ask_for(record_requests, spec)), completion=answer)
        requests += 1
    return Estimate(requests, usage, None if price is None else discount * price.cost(usage))


def record_tokens(record_request: RecordRequest, spec: Spec) -> float:
    """Estimate the number of tokens of one record of an answer."""
    least, most = spec.lengths[record_request.length].words
    labelled = len(record_request.labels) * ENTITIES * WORDS
    return count_tokens(RECORD_JSON) + labelled * count_tokens(WORD_JSON) + TOKENS_PER_WORD * (least + most) / 2
