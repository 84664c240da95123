"""What a run will cost, before it begins."""

import re
from random import Random
from typing import NamedTuple, Optional

from .prices import Price, Usage
from .prompts import Messages, ask_for
from .quotas import Quotas, RecordRequest
from .spec import Spec

# About what byte-pair tokenizers of current endpoints make of English text and JSON: a token for each short word, one more for
# every seven further letters, one for each run of punctuation. Each message costs some more for its role.
TOKEN = re.compile(r"[^\W\d_]{1,7}|\d{1,3}|[^\w\s]+|_+")
PER_MESSAGE = 4
# Entities of a label in a text that has it, and words of an entity.
ENTITIES, WORDS = 1.3, 1.7
# The JSON around a record, and around one word of an entity with its label.
RECORD = '{"text": "", "labels": [], "intent": "inquiry"}, '
WORD = '{"word": "word", "label": "B-LABEL", "occurrence": null}, '
# English words with the punctuation between them.
TOKENS_PER_WORD = 1.35


class Estimate(NamedTuple):
    """A run in which every record is taken at once.

    requests (int): Number of requests.
    usage (Usage): Tokens.
    cost (Optional[float]): US dollars; None if the price is not known.
    """

    requests: int
    usage: Usage
    cost: Optional[float]


def estimate(spec: Spec, price: Optional[Price], discount: float = 1.0) -> Estimate:
    """Estimate a run.

    discount (float): Part of the usual price that is paid.
    """
    rng, quotas = Random(spec.seed), Quotas(spec)
    usage, requests = Usage(), 0
    for start in range(0, spec.records, spec.per_request):
        record_requests = []
        for _ in range(min(spec.per_request, spec.records - start)):
            record_requests.append(quotas.next_request(rng))
            quotas.add(record_requests[-1])
        answer = count_tokens('{"records": []}') + round(
            sum(record_tokens(record_request, spec) for record_request in record_requests)
        )
        usage += Usage(prompt=count_prompt(ask_for(record_requests, spec)), completion=answer)
        requests += 1
    return Estimate(requests, usage, None if price is None else discount * price.cost(usage))


def count_tokens(text: str) -> int:
    return len(TOKEN.findall(text))


def count_prompt(messages: Messages) -> int:
    return sum(count_tokens(message["content"]) + PER_MESSAGE for message in messages)


def record_tokens(record_request: RecordRequest, spec: Spec) -> float:
    """Tokens of one record of an answer."""
    least, most = spec.lengths[record_request.length].words
    labelled = len(record_request.labels) * ENTITIES * WORDS
    return count_tokens(RECORD) + labelled * count_tokens(WORD) + TOKENS_PER_WORD * (least + most) / 2
