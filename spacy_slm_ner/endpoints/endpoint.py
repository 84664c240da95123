"""Client of any OpenAI-compatible endpoint.

The openai package retries by itself: 408, 409, 429, 5xx, time-outs and broken connections, after the delay that the endpoint
names, or else with exponential backoff and jitter.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal, Mapping, NamedTuple, Optional, Sequence, Union

import openai
from aiolimiter import AsyncLimiter
from openai import AsyncOpenAI

from ..errors import EndpointError
from .addresses import check_address, check_key, explain_connection
from .complaint_kinds import MEANINGS, ComplaintKind
from .completions import read_object, reply_or_complaint
from .prices import Usage
from .refusals import Complaint, complaint_of, shorten
from .replies import Reply

# As the API takes them: mappings of "role" and "content".
Messages = Sequence[Mapping[str, str]]
Structure = Literal["schema", "json", "none"]
STRUCTURES: tuple[Structure, ...] = ("schema", "json", "none")
# Temperature of OpenAI's API where a request names none.
DEFAULT_TEMPERATURE = 1.0
# Placeholders for a key where a server needs none. They are no secrets, and occur in answers, so they are not redacted.
NO_KEY = "none"
NO_KEYS = frozenset(
    {
        "",
        "none",
        "null",
        "empty",
        "x",
        "xx",
        "xxx",
        "-",
        "0",
        "1",
        "any",
        "key",
        "no-key",
        "no-key-required",
        "sk-no-key-required",
        "not-needed",
        "ollama",
        "lm-studio",
        "dummy",
        "fake",
        "test",
        "token",
        "local",
        "placeholder",
    }
)
# Seconds.
LONGEST_PAUSE = 8.0


class RequestOptions(NamedTuple):
    """Options of all requests.

    timeout (float): Seconds for one request.
    retries (int): Most retries of one request.
    per_minute (Optional[int]): Most requests a minute; None for no limit.
    """

    timeout: float = 120.0
    retries: int = 6
    per_minute: Optional[int] = None


class ModelSettings(NamedTuple):
    """A model behind an endpoint, and how it writes.

    model (str): Its name.
    base_url (Optional[str]): Address; None for the one in the environment or OpenAI's.
    temperature (Optional[float]): Temperature; None to send none.
    max_tokens (Optional[int]): Most tokens of an answer; None to send none.
    seed (Optional[int]): Seed; None to send none.
    logprobs (bool): Whether to ask for the log-probability of each token.
    schema (Optional[dict[str, Any]]): JSON schema of the answers; None for any text.
    schema_name (str): Name of the schema.
    extra_body (Optional[dict[str, Any]]): Parameters that only some servers take, such as a grammar.
    """

    model: str
    base_url: Optional[str] = None
    temperature: Optional[float] = DEFAULT_TEMPERATURE
    max_tokens: Optional[int] = None
    seed: Optional[int] = None
    logprobs: bool = False
    schema: Optional[dict[str, Any]] = None
    schema_name: str = "answer"
    extra_body: Optional[dict[str, Any]] = None


class Query(NamedTuple):
    """What a model is asked, and how it is to answer.

    settings (ModelSettings): As those of the endpoint, but for `schema` and `extra_body`.
    messages (Messages): The prompt.
    """

    settings: ModelSettings
    messages: Messages


@dataclass
class Accepted:
    """The parameters that an endpoint accepts, as far as is known.

    structures (list[Structure]): Forms of structured output, the strictest first.
    temperature (bool): Whether it takes a temperature.
    logprobs (bool): Whether it gives log-probabilities.
    max_tokens (str): Name of the limit of tokens.
    """

    structures: list[Structure] = field(default_factory=lambda: list(STRUCTURES))
    temperature: bool = True
    logprobs: bool = True
    max_tokens: str = "max_tokens"


class Endpoint:
    """Client of an endpoint, which learns the parameters that the endpoint accepts.

    settings (ModelSettings): The model, its address and how it writes.
    key (str): The key, which is never printed, logged or written.
    options (RequestOptions): Options of all requests.
    advice (Mapping[ComplaintKind, str]): What a user can do about a complaint, by its kind.
    accepted (Optional[Accepted]): What an earlier client of the same endpoint has learned; None if there was none.
    RAISES (EndpointError): If no endpoint can have this address, or the key cannot be sent.
    """

    def __init__(
        self,
        settings: ModelSettings,
        key: str,
        options: RequestOptions,
        advice: Mapping[ComplaintKind, str],
        accepted: Optional[Accepted] = None,
    ) -> None:
        check_address(settings.base_url)
        check_key(key)
        self.settings = settings
        self.advice = advice
        self._key = key
        address = settings.base_url
        try:
            self.client = AsyncOpenAI(api_key=key, base_url=address, timeout=options.timeout, max_retries=options.retries)
        except (ValueError, OSError, ImportError) as error:
            said = shorten(self.redact(str(error)))
            raise EndpointError(
                f"No connection can be made: {said}. Check the proxy and certificate settings.", "request"
            ) from None
        self._limiter = AsyncLimiter(options.per_minute, 60) if options.per_minute else None
        self._accepted = accepted or Accepted()

    @property
    def tries(self) -> int:
        """Most tries of one request."""
        return self.client.max_retries + 1

    def body(
        self, messages: Messages, structure: Optional[Structure] = None, settings: Optional[ModelSettings] = None
    ) -> dict[str, Any]:
        """Return the parameters of a request that the endpoint accepts, as far as is known.

        messages (Messages): The prompt.
        structure (Optional[Structure]): Form of structured output; None for the strictest that is accepted.
        settings (Optional[ModelSettings]): How it is to answer; None as all are.
        """
        settings, accepted = settings or self.settings, self._accepted
        body: dict[str, Any] = {"model": settings.model, "messages": messages}
        if settings.temperature is not None and accepted.temperature:
            body["temperature"] = settings.temperature
        if settings.max_tokens is not None:
            body[accepted.max_tokens] = settings.max_tokens
        if settings.seed is not None:
            body["seed"] = settings.seed
        if settings.logprobs and accepted.logprobs:
            body["logprobs"] = True
        if settings.extra_body is not None:
            body["extra_body"] = settings.extra_body
        form = response_format(settings, structure or accepted.structures[0])
        return body if form is None else {**body, "response_format": form}

    async def ask(self, messages: Messages, settings: Optional[ModelSettings] = None) -> Reply:
        """Send a request, with a JSON schema first, and without the parameters that the endpoint does not accept after that.

        messages (Messages): The prompt.
        settings (Optional[ModelSettings]): How this one is to be answered; None as all are.
        RAISES (EndpointError): If there is no answer.
        """
        tried, structures = 1, list(self._accepted.structures)
        while True:
            body = self.body(messages, settings=settings)
            found = await self._send(body)
            if isinstance(found, Reply):
                return found
            if found.kind == "down" and found.in_answer and tried < self.tries:
                await asyncio.sleep(min(0.5 * 2 ** (tried - 1), LONGEST_PAUSE))
                tried += 1
            elif not self.adapt(found, body):
                if found.kind == "schema":
                    # It has no schema any more: the words of the complaint are those of the prompt.
                    self._accepted.structures = structures
                raise self.explain_complaint(found)

    async def _send(self, body: dict[str, Any]) -> Union[Reply, Complaint]:
        """Send a request once.

        RAISES (EndpointError): If the connection fails, or the response is neither an answer nor a complaint.
        """
        if self._limiter is not None:
            await self._limiter.acquire()
        try:
            raw = await self.client.chat.completions.with_raw_response.create(**body)
        except openai.APIStatusError as error:
            return self._failed_generation(error.body) or complaint_of(error.status_code, error.body, self.redact)
        except (openai.OpenAIError, OSError, ValueError) as error:
            raise self.explain(error) from None
        return reply_or_complaint(self.read_body(raw.content), self.redact)

    def _failed_generation(self, error: Any) -> Optional[Reply]:
        """Return the answer that a server rejected because it is not valid JSON (Groq); None if the error holds none."""
        text = error.get("failed_generation") if isinstance(error, dict) else None
        if not isinstance(text, str) or not text:
            return None
        return Reply(text=self.redact(text), model=self.settings.model, usage=Usage(), finish="json_validate_failed")

    def read_body(self, content: bytes) -> dict[str, Any]:
        """Read the JSON object of a body.

        RAISES (EndpointError): If the body holds something else.
        """
        return read_object(content, self.redact)

    def adapt(self, complaint: Complaint, body: dict[str, Any]) -> bool:
        """Leave out or rename a parameter that the endpoint does not accept.

        complaint (Complaint): The complaint about it.
        body (dict[str, Any]): Parameters of the request.
        RETURNS (bool): Whether the request can be sent again.
        """
        accepted, kind = self._accepted, complaint.kind
        if kind == "schema" and "response_format" in body:
            if structure_of(body) == accepted.structures[0]:
                accepted.structures.pop(0)
        elif kind == "temperature" and body.get("temperature") == DEFAULT_TEMPERATURE:
            accepted.temperature = False
        elif kind == "logprobs" and "logprobs" in body:
            accepted.logprobs = False
        elif kind == "max_tokens_name" and "max_tokens" in body:
            accepted.max_tokens = "max_completion_tokens"
        else:
            return False
        return True

    def explain(self, error: Exception) -> EndpointError:
        """Explain an error to the user, without the key."""
        if isinstance(error, openai.APIStatusError):
            return self.explain_complaint(complaint_of(error.status_code, error.body or str(error), self.redact))
        message, kind = explain_connection(error, self.tries, self.redact)
        return EndpointError(message, kind)

    def explain_complaint(self, complaint: Complaint) -> EndpointError:
        """Explain a complaint to the user, without the key."""
        kind, said = complaint.kind, complaint.said or "no reason was given"
        if kind == "down":
            return EndpointError(f"No answer after {self.tries} tries{status_text(complaint)}: {said}", "down", kind)
        meaning, end = MEANINGS.get(kind, ("The endpoint refused the request", "request"))
        closed = said if said.endswith((".", "!", "?")) or kind not in self.advice else f"{said}."
        return EndpointError(f"{meaning}{status_text(complaint)}: {closed} {self.advice.get(kind, '')}".strip(), end, kind)

    def redact(self, text: str) -> str:
        """Remove the key from a text, as endpoints may repeat it."""
        return text.replace(self._key, "***") if self._key.lower() not in NO_KEYS else text

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()


def response_format(settings: ModelSettings, structure: Structure) -> Optional[dict[str, Any]]:
    """Return the parameter that asks for a form of structured output; None if there is none."""
    if settings.schema is None or structure == "none":
        return None
    if structure == "json":
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": settings.schema_name, "strict": True, "schema": settings.schema}}


def structure_of(body: Mapping[str, Any]) -> Structure:
    """Return the form of structured output that a request asks for."""
    form = body.get("response_format", {}).get("type")
    return "schema" if form == "json_schema" else "json" if form == "json_object" else "none"


def status_text(complaint: Complaint) -> str:
    """Return the status of a complaint in brackets; empty if it has none."""
    return f" ({complaint.status})" if complaint.status is not None else ""
