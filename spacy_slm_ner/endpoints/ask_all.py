"""Many requests at a time, each of which costs itself alone if it fails."""

import asyncio
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional, Union

from ..errors import EndpointError
from .endpoint import Accepted, Endpoint, Messages, Query
from .prices import Price, Usage
from .replies import Reply
from .total_cost import TotalCost

Result = Union[Reply, EndpointError]
# Requests in a row without an answer after which no other is sent.
MAX_FAILURES = 5
# A token has about three bytes or more, in any script.
BYTES_OF_TOKEN = 3


@dataclass
class History:
    """What the requests to an endpoint so far have shown.

    accepted (Accepted): The parameters that it accepts.
    paid (float): US dollars.
    answered (bool): Whether it has ever answered.
    failures (int): Requests in a row without an answer.
    left_over (dict[str, Reply]): Answers of a call that failed as a whole. They are paid, and are used when they are asked for
        again.
    """

    accepted: Accepted = field(default_factory=Accepted)
    paid: float = 0.0
    answered: bool = False
    failures: int = 0
    left_over: dict[str, Reply] = field(default_factory=dict)


@dataclass
class Budget:
    """A limit of cost.

    history (History): Counts what is paid.
    price (Optional[Price]): Price of the model; None if it is not known.
    limit (Optional[float]): US dollars; None for no limit.
    total (Optional[TotalCost]): What this endpoint and others cost together; None if they have no limit.
    """

    history: History
    price: Optional[Price]
    limit: Optional[float]
    total: Optional[TotalCost] = None

    def pay(self, reply: Reply) -> None:
        """Count an answer."""
        cost = self.price.cost(reply.usage) if self.price else 0.0
        self.history.paid += cost
        if self.total is not None:
            self.total.pay(cost)

    def check(self) -> None:
        """RAISES (EndpointError): If a limit is reached."""
        if self.limit is not None and self.history.paid >= self.limit:
            raise EndpointError(
                f"The limit of cost is reached: ${self.history.paid:.4f} of max_cost = {self.limit} are paid. Raise it to go on.",
                "cost",
            )
        if self.total is not None:
            self.total.begin()

    def end(self) -> None:
        """Count a request that `check` allowed as no longer on its way."""
        if self.total is not None:
            self.total.end()


def with_usage(reply: Reply, messages: Messages) -> Reply:
    """Return an answer with its tokens, which are estimated where the endpoint did not count them."""
    return reply if reply.usage.prompt else reply.model_copy(update={"usage": estimate_usage(messages, reply)})


def estimate_usage(messages: Messages, reply: Reply) -> Usage:
    """Estimate the tokens of a request by its bytes."""
    prompt = sum(len(message["content"].encode("utf8", "replace")) for message in messages)
    return Usage(prompt=prompt // BYTES_OF_TOKEN + 1, completion=len(reply.text.encode("utf8", "replace")) // BYTES_OF_TOKEN + 1)


async def ask_all(
    endpoint: Endpoint,
    queries: Mapping[str, Query],
    concurrency: int,
    budget: Budget,
    store: Callable[[str, Reply], None],
) -> dict[str, Result]:
    """Ask until every query has an answer or an error, and close the endpoint.

    endpoint (Endpoint): The endpoint.
    queries (Mapping[str, Query]): Queries by their keys.
    concurrency (int): Most requests at a time.
    budget (Budget): Limit of cost; it is checked before each request.
    store (Callable[[str, Reply], None]): Called with each answer as soon as it is there, in a thread.
    RETURNS (dict[str, Result]): Answers and errors by their keys.
    RAISES (EndpointError): If the error would meet other requests as well: the key or the account is refused, the limit of cost
        is reached, the endpoint has never answered yet, or not to the last requests.
    """
    history = budget.history
    waiting = list(queries.items())[::-1]
    results: dict[str, Result] = {}
    fatal: list[EndpointError] = []

    async def ask_next() -> None:
        while waiting and not fatal:
            key, query = waiting.pop()
            try:
                reply = await ask(query)
            except EndpointError as error:
                results[key] = error
                if is_fatal(error, history):
                    fatal.append(error)
            else:
                results[key] = reply
                history.answered, history.failures = True, 0
                await asyncio.to_thread(store, key, reply)

    async def ask(query: Query) -> Reply:
        budget.check()
        try:
            reply = with_usage(await endpoint.ask(query.messages, query.settings), query.messages)
            budget.pay(reply)
        finally:
            budget.end()
        return reply

    try:
        await asyncio.gather(*(ask_next() for _ in range(min(concurrency, len(queries)))))
    finally:
        await endpoint.close()
    if not history.answered:
        fatal += [error for error in results.values() if isinstance(error, EndpointError)]
    if fatal:
        history.left_over |= {key: reply for key, reply in results.items() if isinstance(reply, Reply)}
        raise fatal[0]
    return results


def is_fatal(error: EndpointError, history: History) -> bool:
    """Whether an error would meet other requests as well; counts errors in a row."""
    if error.kind == "content" or error.complaint == "context":
        history.answered = True
        return False
    if error.kind != "cost":
        history.failures += 1
    return error.kind in ("key", "credit", "cost") or history.failures >= MAX_FAILURES
