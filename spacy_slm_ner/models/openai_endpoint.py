"""`spacy-slm-ner.OpenAI.v1`: an OpenAI-compatible endpoint as the generator of `slm_ner`. It needs no torch."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

from thinc.api import Model
from thinc.shims import Shim
from thinc.types import Floats1d

from ..constraints.guide import Answer
from ..endpoints.addresses import BASE_URL_VARIABLE, check_address
from ..endpoints.answer_cache import AnswerCache, request_key
from ..endpoints.ask_all import Budget, History, Result, ask_all
from ..endpoints.complaint_kinds import ComplaintKind
from ..endpoints.endpoint import NO_KEY, Endpoint, Messages, ModelSettings, Query, RequestOptions
from ..endpoints.own_loop import run_in_own_loop
from ..endpoints.prices import Price, find_price, read_prices
from ..endpoints.replies import Reply
from ..endpoints.total_cost import TotalCost
from ..errors import BaseModelError, EndpointError
from ..formats.base import Request
from .answer_structure import Structure, check_structure, with_structure
from .endpoint_answers import answer_from_reply, answer_without_reply, warn_about_grammar
from .model_around import model_around

logger = logging.getLogger("spacy_slm_ner")


def create_openai(
    model: str,
    base_url: Optional[str] = None,
    api_key_env: str = "OPENAI_API_KEY",
    temperature: Optional[float] = 0.0,
    max_tokens: Optional[int] = 2048,
    seed: Optional[int] = None,
    logprobs: bool = True,
    concurrency: int = 8,
    timeout: float = 120.0,
    retries: int = 6,
    max_cost: Optional[float] = None,
    prices: Optional[str] = None,
    cache: Optional[str] = None,
    structure: Structure = "json_schema",
) -> Model[List[Request], Union[List[Answer], Floats1d]]:
    """Registered as `spacy-slm-ner.OpenAI.v1`. It cannot be trained. Windows of texts are counted in characters.

    A text without an answer costs itself alone: the reason is kept as a problem. Errors that meet all texts are raised.

    model (str): Name of the model.
    base_url (Optional[str]): Address of the endpoint; None for the one in OPENAI_BASE_URL, or OpenAI's.
    api_key_env (str): Environment variable with the key. The key itself is never stored.
    temperature (Optional[float]): Temperature; None to send none.
    max_tokens (Optional[int]): Most tokens of an answer; None to send no limit.
    seed (Optional[int]): Seed; None to send none.
    logprobs (bool): Ask for the probabilities of tokens, from which scores are made. Where an endpoint gives none, entities have
        no score.
    concurrency (int): Most requests at a time.
    timeout (float): Seconds for one request.
    retries (int): Most retries of one request.
    max_cost (Optional[float]): US dollars that each process may pay, which only requests on their way can exceed; None for no
        limit.
    prices (Optional[str]): JSON file of prices, over those of the package.
    cache (Optional[str]): SQLite file in which answers are kept, so that none is paid twice; None for no file.
    structure (Structure): What says how answers must look. "json_schema": the strict schema of formats that have one, for any
        endpoint; one that refuses schemas is asked without. "vllm" or "llama.cpp": the grammar of the text, as this server takes
        it, so that a constrained component may ask it. "none": nothing but the prompt.
    RETURNS (Model[List[Request], Union[List[Answer], Floats1d]]): The model.
    RAISES (EndpointError): If no endpoint can have this address.
    RAISES (ValueError): If a setting is not allowed.
    """
    for name, value, least in (("concurrency", concurrency, 1), ("timeout", timeout, 0.001), ("retries", retries, 0)):
        if value < least:
            raise ValueError(f"Got {name} = {value}, allowed is {least} or more.")
    check_structure(structure)
    check_address(base_url)
    price = find_price(model, read_prices(Path(prices) if prices else None))
    if max_cost is not None and (max_cost < 0 or price is None):
        raise ValueError(
            f"Got max_cost = {max_cost} for {model!r}, allowed is 0 or more, for a model with a known price. Name its price in a "
            "JSON file and the file as `prices`."
        )
    asked = ModelSettings(model, base_url, temperature, max_tokens, seed, logprobs)
    options = RequestOptions(timeout, retries)
    file = Path(cache) if cache else None
    settings = OpenAISettings(asked, options, api_key_env, concurrency, max_cost, price, file, structure)
    return model_around("openai", OpenAIShim(settings))


@dataclass(frozen=True)
class OpenAISettings:
    """The arguments of `create_openai`.

    model (ModelSettings): The model, its address and how it writes.
    options (RequestOptions): Time-out and retries.
    api_key_env (str): Environment variable with the key.
    concurrency (int): Most requests at a time.
    max_cost (Optional[float]): US dollars.
    price (Optional[Price]): Price of the model.
    cache (Optional[Path]): File of answers.
    structure (Structure): What says how answers must look.
    """

    model: ModelSettings
    options: RequestOptions
    api_key_env: str
    concurrency: int
    max_cost: Optional[float]
    price: Optional[Price]
    cache: Optional[Path]
    structure: Structure

    @property
    def advice(self) -> Dict[ComplaintKind, str]:
        """What a user can do about the complaints of the endpoint."""
        return {
            "temperature": "Set `temperature` of the model to null, which sends none, or to a value that it takes.",
            "seed": "Set `seed` of the model to null.",
            "max_tokens": "Set `max_tokens` of the model.",
            "schema": "Set `structure` of the model to what the server takes, or to none with `constrained = false`.",
            "context": "Lower `window` of the component, which is counted in characters, or `max_tokens` of the model.",
            "credit": "Add credit or raise the limit.",
            "key": f"Set {self.api_key_env} to a valid key.",
            "address": "See `model` and `base_url` of the model; an address ends in /v1 on most servers.",
        }

    def find_key(self) -> str:
        """Find the key of the endpoint.

        RAISES (EndpointError): If there is none, and the endpoint is OpenAI's.
        """
        key = os.environ.get(self.api_key_env, "").strip()
        if not key and self.model.base_url is None and not os.environ.get(BASE_URL_VARIABLE):
            raise EndpointError(f"There is no key. Set the environment variable {self.api_key_env}.", "key")
        return key or NO_KEY


class OpenAIShim(Shim):
    """Asks an endpoint. It holds settings and counts alone, no connection, so it can be copied, pickled and forked.

    settings (OpenAISettings): See `create_openai`.
    total (Optional[TotalCost]): What several endpoints cost together, where that has a limit.
    """

    def __init__(self, settings: OpenAISettings) -> None:
        super().__init__(None)
        self.settings = settings
        self.history = History()
        self.total: Optional[TotalCost] = None

    def initialize(self) -> None:
        """Check that there is a key. Nothing is asked."""
        self.settings.find_key()

    def __call__(self, inputs: Sequence[Request], is_train: bool) -> Tuple[List[Answer], Callable]:
        if is_train:
            raise ValueError(
                "An endpoint cannot be trained. Leave the component out of training (`frozen_components`), or take "
                "spacy-slm-ner.CausalLM.v1, which can."
            )
        queries = [self.query(request) for request in inputs]
        keys = [request_key(*query) if isinstance(query, Query) else "" for query in queries]
        results = self.ask({key: query for key, query in zip(keys, queries) if isinstance(query, Query)})
        found = [results[key] if isinstance(query, Query) else query for key, query in zip(keys, queries)]
        answers = [to_answer(result, request) for result, request in zip(found, inputs)]
        warn_about_grammar(answers, inputs)
        return answers, lambda gradient: []

    def query(self, request: Request) -> Union[Query, EndpointError]:
        """Make the query for a request; an error if its grammar is too large.

        RAISES (ValueError): See `with_structure`.
        """
        try:
            settings = with_structure(self.settings.model, self.settings.structure, request)
        except EndpointError as error:
            return error
        return Query(settings, messages_of(request))

    def key_of(self, request: Request) -> str:
        """Return the key of a request in the cache."""
        query = self.query(request)
        return request_key(*(query if isinstance(query, Query) else (self.settings.model, messages_of(request))))

    def ask(self, queries: Dict[str, Query]) -> Dict[str, Result]:
        """Ask what has no answer yet.

        queries (Dict[str, Query]): Queries by their keys.
        RETURNS (Dict[str, Result]): Answers and errors by their keys.
        RAISES (EndpointError): See `ask_all`.
        """
        settings, history = self.settings, self.history
        cache = AnswerCache(settings.cache) if settings.cache else None
        known: Dict[str, Result] = dict(cache.find(queries)) if cache else {}
        known |= {key: history.left_over.pop(key) for key in queries if key in history.left_over}
        new = {key: query for key, query in queries.items() if key not in known}
        if new:
            structures = list(history.accepted.structures)
            endpoint = Endpoint(settings.model, settings.find_key(), settings.options, settings.advice, history.accepted)
            budget = Budget(history, settings.price, settings.max_cost, self.total)
            store = cache.store if cache else ignore
            try:
                known |= run_in_own_loop(ask_all(endpoint, new, settings.concurrency, budget, store))
            except EndpointError:
                history.left_over |= {key: reply for key, reply in known.items() if isinstance(reply, Reply)}
                raise
            finally:
                if history.accepted.structures != structures:
                    logger.warning("The endpoint refused the JSON schema of the answers. They are asked for without it.")
        return known

    @property
    def paid(self) -> Optional[float]:
        """US dollars for all answers so far; None if the price of the model is not known."""
        return None if self.settings.price is None else self.history.paid

    # What `GeneratorShim` asks for

    @property
    def adapters(self) -> List[str]:
        """None: an endpoint has no adapters."""
        return []

    @property
    def active(self) -> Optional[str]:
        """None: an endpoint has no adapters."""
        return None

    def count_pieces(self, texts: Sequence[str]) -> List[int]:
        """Count the characters of each text, as the tokenizer of an endpoint is not known."""
        return [len(text) for text in texts]

    def load_adapter(self, name: str, path: Union[str, Path]) -> None:
        """RAISES (BaseModelError): Always."""
        raise BaseModelError("An endpoint has no adapters. Those of `slm_ner` are for spacy-slm-ner.CausalLM.v1.")

    def use_adapter(self, name: str) -> None:
        """RAISES (BaseModelError): Always."""
        self.load_adapter(name, "")

    # Training and storage: there are no weights, and the config has all settings

    def finish_update(self, optimizer: Any) -> None:
        """Do nothing."""

    def to_device(self, device_type: str, device_id: int) -> None:
        """Do nothing."""

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write nothing."""

    def from_disk(self, path: Union[str, Path]) -> "OpenAIShim":
        """Read nothing."""
        return self

    def to_bytes(self) -> bytes:
        """Return nothing."""
        return b""

    def from_bytes(self, data: bytes) -> "OpenAIShim":
        """Read nothing."""
        return self


def messages_of(request: Request) -> Messages:
    """Return the prompt as the API takes it."""
    return [{"role": message["role"], "content": message["content"]} for message in request.messages]


def to_answer(result: Result, request: Request) -> Answer:
    """Read what was found for a request."""
    return answer_from_reply(result, request) if isinstance(result, Reply) else answer_without_reply(result)


def ignore(key: str, reply: Reply) -> None:
    """Store nothing."""
