"""Cost of several endpoints together, and its limit."""

from dataclasses import dataclass
from typing import Optional

from ..errors import EndpointError


@dataclass
class TotalCost:
    """Cost of all requests of a run. A request is sent if the limit allows for it and for those on their way.

    limit (Optional[float]): US dollars; None for no limit.
    paid (float): US dollars, those of earlier processes included.
    answers (int): Number of answers that were paid.
    on_their_way (int): Requests without an answer yet.
    """

    limit: Optional[float] = None
    paid: float = 0.0
    answers: int = 0
    on_their_way: int = 0

    def begin(self) -> None:
        """Count a request that is about to be sent.

        RAISES (EndpointError): If it may exceed the limit, at the mean cost of those before.
        """
        each = self.paid / self.answers if self.answers else 0.0
        if self.limit is not None and (self.paid >= self.limit or self.paid + (self.on_their_way + 1) * each > self.limit):
            raise EndpointError(f"The limit of cost is reached: ${self.paid:.4f} of ${self.limit} are paid.", "cost")
        self.on_their_way += 1

    def pay(self, cost: float) -> None:
        """Count an answer and its cost in US dollars."""
        self.paid += cost
        self.answers += 1

    def end(self) -> None:
        """Count a request as no longer on its way."""
        self.on_their_way -= 1
