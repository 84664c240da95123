"""ParsedAnswer what an endpoint sends with status 200: a completion, a complaint all the same, or something else altogether."""

import json
from typing import Any, Callable, Optional, Union

from ..errors import EndpointError
from .jobs import Reply
from .prices import Usage
from .refusals import Complaint, complaint_of, is_html, shorten, title_of

ADDRESS_ADVICE = "Check `base_url`, which ends in /v1 on most servers, and that no proxy or login page stands in between."
TEXTS = ("text", "output_text")


def read_object(content: bytes, redact: Callable[[str], str] = str) -> dict[str, Any]:
    """The JSON object of a body, without the key.

    RAISES (EndpointError): If it holds something else, with what it holds and what to do.
    """
    text = redact(content.decode("utf-8-sig", errors="replace"))
    if not text.strip():
        raise EndpointError(f"The endpoint sent an empty body. {ADDRESS_ADVICE}", "down")
    if is_html(text):
        raise EndpointError(f"The endpoint sent {shorten(title_of(text))} in place of JSON. {ADDRESS_ADVICE}", "request")
    try:
        body = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        kind = "down" if text.lstrip().startswith(("{", "[")) else "request"
        raise EndpointError(f"The endpoint sent no JSON ({error}): {shorten(text)!r}. {ADDRESS_ADVICE}", kind) from None
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        body = body[0]
    if not isinstance(body, dict):
        raise EndpointError(
            f"The endpoint sent {type(body).__name__} {shorten(str(body))!r} in place of a JSON object. {ADDRESS_ADVICE}",
            "request",
        )
    return body


def reply_or_complaint(body: dict[str, Any], redact: Callable[[str], str] = str) -> Union[Reply, Complaint]:
    """What a body with status 200 is: an answer, if anything was written or counted, or else a complaint.

    RAISES (EndpointError): If it is neither.
    """
    reply = read_completion(body, redact)
    error = error_in(body)
    if reply.text or reply.refusal or reply.usage.completion:
        return reply
    if error is not None:
        return complaint_of(200, {"error": error}, redact)
    said = shorten(redact(json.dumps(body, ensure_ascii=False)))
    if "choices" not in body:
        raise EndpointError(f"The endpoint sent no chat completion: {said} {ADDRESS_ADVICE}", "request")
    return reply if body["choices"] else Complaint(503, "", f"it sent no choices: {said}", in_answer=True)


def error_in(body: dict[str, Any]) -> Any:
    """The error of a body, of its only choice, or the reason why a prompt was blocked."""
    choice = first_choice(body)
    feedback = as_dict(body.get("prompt_feedback") or body.get("promptFeedback"))
    blocked = feedback.get("block_reason") or feedback.get("blockReason")
    if blocked:
        return {"message": f"The prompt was blocked by a content filter: {blocked}"}
    if body.get("error") or choice.get("error"):
        return body.get("error") or choice["error"]
    told = body.get("message") or body.get("detail") or body.get("error_msg") or body.get("msg")
    return told if "choices" not in body and isinstance(told, str | list) else None


def read_completion(completion: dict[str, Any], redact: Callable[[str], str] = str, discount: float = 1.0) -> Reply:
    """The reply of a chat completion, whatever parts of it an endpoint leaves out."""
    choice = first_choice(completion)
    message = as_dict(choice.get("message"))
    usage = as_dict(completion.get("usage"))
    return Reply(
        text=redact(text_of(message.get("content")) or text_of(choice.get("text"))),
        model=str(completion.get("model") or "unknown"),
        usage=Usage(
            prompt=count_of(usage.get("prompt_tokens")),
            cached=count_of(as_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
            completion=count_of(usage.get("completion_tokens")),
        ),
        finish=str(choice.get("finish_reason") or "stop"),
        refusal=redact(text_of(message.get("refusal"))),
        discount=discount,
    )


def first_choice(completion: dict[str, Any]) -> dict[str, Any]:
    choices = completion.get("choices")
    return as_dict(choices[0]) if isinstance(choices, list) and choices else {}


def as_dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def text_of(content: Any) -> str:
    """The text of a content, which some endpoints send in parts; parts of reasoning are none of it."""
    if isinstance(content, list):
        return "".join(text_of(part) if isinstance(part, str) else text_of_part(as_dict(part)) for part in content)
    return content if isinstance(content, str) else ""


def text_of_part(part: dict[str, Any]) -> str:
    return text_of(part.get("text")) if part.get("type", "text") in TEXTS else ""


def count_of(number: Optional[Any]) -> int:
    return int(number) if isinstance(number, int | float) and number > 0 else 0
