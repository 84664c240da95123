"""Any OpenAI-compatible endpoint.

The openai package retries by itself: 408, 409, 429, 5xx, time-outs and broken connections, after the time that the endpoint
names, or else after a growing time with jitter.
"""

from typing import Any, Literal, NamedTuple, Optional

import openai
from aiolimiter import AsyncLimiter
from openai import AsyncOpenAI

from ..errors import EndpointError
from .prices import Usage
from .prompts import Messages, answer_schema
from .spec import Spec
from .state import Reply

Structure = Literal["schema", "json", "none"]
STRUCTURES: tuple[Structure, ...] = ("schema", "json", "none")
# Answers that say that a parameter is not known there: another structure is tried.
UNKNOWN_PARAMETER = (400, 404, 415, 422, 501)


class Manners(NamedTuple):
    """How requests are made.

    timeout (float): Seconds for one request.
    retries (int): Number of further tries of one request.
    per_minute (Optional[int]): Most requests a minute; None for no limit of our own.
    """

    timeout: float = 120.0
    retries: int = 6
    per_minute: Optional[int] = None


class Endpoint:
    """Asks for answers.

    spec (Spec): Names the model, the address and the temperature.
    key (str): Never printed, logged or written.
    manners (Manners): How requests are made.
    """

    def __init__(self, spec: Spec, key: str, manners: Manners) -> None:
        self.spec = spec
        self._key = key
        self.client = AsyncOpenAI(api_key=key, base_url=spec.base_url, timeout=manners.timeout, max_retries=manners.retries)
        self._limiter = AsyncLimiter(manners.per_minute, 60) if manners.per_minute else None
        self._structures = list(STRUCTURES)

    def body(self, messages: Messages, structure: Structure = "schema") -> dict[str, Any]:
        """Parameters of a request."""
        formats: dict[Structure, dict[str, Any]] = {
            "schema": {
                "type": "json_schema",
                "json_schema": {"name": "records", "strict": True, "schema": answer_schema(self.spec)},
            },
            "json": {"type": "json_object"},
        }
        body = {"model": self.spec.model, "messages": messages, "temperature": self.spec.temperature}
        return body if structure == "none" else {**body, "response_format": formats[structure]}

    async def ask(self, messages: Messages) -> Reply:
        """Ask once; with a JSON schema first, and in plainer ways where the endpoint does not know that.

        RAISES (EndpointError): If there is no answer.
        """
        structure = self._structures[0]
        try:
            if self._limiter is not None:
                await self._limiter.acquire()
            completion = await self.client.chat.completions.create(**self.body(messages, structure))
        except openai.APIStatusError as error:
            if error.status_code in UNKNOWN_PARAMETER and structure != "none":
                if self._structures[0] == structure:
                    self._structures.pop(0)
                return await self.ask(messages)
            raise self.explain(error) from None
        except openai.APIError as error:
            raise self.explain(error) from None
        return read_completion(completion.model_dump(), self.redact)

    def explain(self, error: openai.APIError) -> EndpointError:
        """What went wrong, for people, without the key."""
        status = getattr(error, "status_code", None)
        said = self.redact(str(error))[:300]
        if status in (401, 403):
            return EndpointError(f"The endpoint refused the key ({status}): {said} Set OPENAI_API_KEY to a valid key.", "key")
        if getattr(error, "code", None) == "insufficient_quota":
            return EndpointError(f"The account has no credit left: {said}", "credit")
        if status == 404:
            return EndpointError(f"The endpoint knows no such model or address: {said} See `model` and `base_url`.", "request")
        if status is not None and status < 500 and status not in (408, 409, 429):
            return EndpointError(f"The endpoint refused the request ({status}): {said}", "request")
        return EndpointError(f"No answer after {self.client.max_retries + 1} tries: {type(error).__name__}: {said}", "down")

    def redact(self, text: str) -> str:
        """A text without the key, should an endpoint repeat it."""
        return text.replace(self._key, "***") if self._key else text

    async def close(self) -> None:
        await self.client.close()


def read_completion(completion: dict[str, Any], redact: Any = str, discount: float = 1.0) -> Reply:
    """The reply of a chat completion, whatever parts of it an endpoint leaves out."""
    choice = (completion.get("choices") or [{}])[0]
    message = choice.get("message") or {}
    usage = completion.get("usage") or {}
    details = usage.get("prompt_tokens_details") or {}
    return Reply(
        text=redact(message.get("content") or ""),
        model=str(completion.get("model") or "unknown"),
        usage=Usage(
            prompt=usage.get("prompt_tokens") or 0,
            cached=details.get("cached_tokens") or 0,
            completion=usage.get("completion_tokens") or 0,
        ),
        finish=str(choice.get("finish_reason") or "stop"),
        refusal=redact(message.get("refusal") or ""),
        discount=discount,
    )
