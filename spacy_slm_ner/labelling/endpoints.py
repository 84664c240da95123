"""The endpoints that a pipeline asks."""

from dataclasses import replace
from pathlib import Path
from typing import Iterator, NamedTuple, Optional

from spacy.language import Language

from ..endpoints.answer_cache import AnswerCache
from ..endpoints.prices import Price, find_price, read_prices
from ..endpoints.total_cost import TotalCost
from ..errors import ReadError
from ..models.openai_endpoint import OpenAIShim
from ..pipeline.slm_ner import SlmNer


class EndpointPipe(NamedTuple):
    """A component over an endpoint.

    name (str): Its name in the pipeline.
    pipe (SlmNer): The component.
    shim (OpenAIShim): What asks the endpoint.
    """

    name: str
    pipe: SlmNer
    shim: OpenAIShim

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.shim.settings.model.model

    @property
    def price(self) -> Optional[Price]:
        """Price of the model; None if it is not known."""
        return self.shim.settings.price

    def set_seed(self, seed: int) -> None:
        """Ask with another seed from now on."""
        settings = self.shim.settings
        self.shim.settings = replace(settings, model=settings.model._replace(seed=seed))


def endpoints_of(nlp: Language) -> list[EndpointPipe]:
    """Return the components of a pipeline that ask an endpoint."""
    pairs = ((name, pipe) for name, pipe in nlp.pipeline if isinstance(pipe, SlmNer))
    return [EndpointPipe(name, pipe, shim) for name, pipe in pairs if isinstance(shim := pipe.model.shims[0], OpenAIShim)]


def set_prices(endpoints: list[EndpointPipe], path: Optional[Path], needed: bool) -> None:
    """Look the prices up in a file of the user, too.

    path (Optional[Path]): JSON file of prices; None for those that the configs name.
    needed (bool): Whether every price has to be known, as a limit of cost needs it.
    RAISES (ReadError): If the file cannot be read, or a price that is needed is not known.
    """
    prices = read_prices(path) if path else {}
    for one in endpoints:
        price = find_price(one.model, prices) or one.price
        if price is None and needed:
            raise ReadError(f"Got --max-cost, but no price is known for {one.model!r}. Name one with --prices.")
        one.shim.settings = replace(one.shim.settings, price=price)


def give_caches(endpoints: list[EndpointPipe], output: Path) -> None:
    """Give each endpoint whose config names no cache one beside the output."""
    for number, one in enumerate(endpoints, 1):
        if one.shim.settings.cache is None:
            part = "" if number == 1 else f"-{number}"
            one.shim.settings = replace(one.shim.settings, cache=output.with_name(f"{output.stem}.answers{part}.sqlite"))


def paid_answers(endpoints: list[EndpointPipe]) -> Iterator[float]:
    """Yield the cost of every answer in the caches, in US dollars. What several endpoints share is read at the highest price."""
    by_cache: dict[Path, list[Price]] = {}
    for one in endpoints:
        if one.shim.settings.cache is not None:
            by_cache.setdefault(one.shim.settings.cache, []).extend([one.price] if one.price else [])
    for cache, prices in by_cache.items():
        for reply in AnswerCache(cache).find_all().values():
            yield reply.discount * max((price.cost(reply.usage) for price in prices), default=0.0)


def limit_cost(endpoints: list[EndpointPipe], limit: Optional[float], paid_before: float) -> TotalCost:
    """Give the endpoints a limit that they share. What the caches hold beyond what they held before the run is paid by it.

    limit (Optional[float]): US dollars; None for no limit.
    paid_before (float): Cost of the answers in the caches when the run began.
    """
    paid = list(paid_answers(endpoints))
    total = TotalCost(limit, max(sum(paid) - paid_before, 0.0), len(paid))
    for one in endpoints:
        one.shim.total = total
    return total


def require_random(endpoints: list[EndpointPipe], passes: int) -> None:
    """Check that passes can differ.

    RAISES (ReadError): If there are several, and they would all write the same.
    """
    if passes == 1 or any(one.shim.settings.model.temperature != 0 for one in endpoints):
        return
    if not endpoints:
        raise ReadError(
            f"Got --passes {passes}, but the pipeline asks no endpoint: it writes the same in each pass. Leave it out."
        )
    raise ReadError(
        f"Got --passes {passes}, but the endpoint has the temperature 0, so that it writes nearly the same in each pass. Set "
        "`temperature` of the model above 0 in the config, such as 0.7, or leave --passes out."
    )
