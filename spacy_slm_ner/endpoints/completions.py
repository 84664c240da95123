"""Reading of responses with status 200, which hold a completion, a complaint, or something else altogether."""

import json
from typing import Any, Callable, Optional, Union

from ..errors import EndpointError
from .prices import Usage
from .refusals import Complaint, complaint_of, is_html, shorten, title_of
from .replies import Reply

ADDRESS_ADVICE = "Check `base_url`, which ends in /v1 on most servers, and that no proxy or login page stands in between."
# What OpenAI writes for a token that is too unlikely.
LEAST_LOGPROB = -9999.0
# Types of content that are text; others are reasoning.
TEXT_TYPES = ("text", "output_text")


def read_object(content: bytes, redact: Callable[[str], str] = str) -> dict[str, Any]:
    """Read the JSON object of a body.

    content (bytes): The body.
    redact (Callable[[str], str]): Removes the key from a text.
    RAISES (EndpointError): If the body holds something else; the message says what.
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
    """Read a body with status 200: an answer, if there is text or a count of tokens, else a complaint.

    RAISES (EndpointError): If the body is neither.
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
    """Return the error of a body or of its only choice, or the reason why a prompt was blocked; None without an error."""
    choice = first_choice(body)
    feedback = as_dict(body.get("prompt_feedback") or body.get("promptFeedback"))
    blocked = feedback.get("block_reason") or feedback.get("blockReason")
    if blocked:
        return {"message": f"The prompt was blocked by a content filter: {blocked}"}
    if body.get("error") or choice.get("error"):
        return body.get("error") or choice["error"]
    message = body.get("message") or body.get("detail") or body.get("error_msg") or body.get("msg")
    return message if "choices" not in body and isinstance(message, str | list) else None


def read_completion(completion: dict[str, Any], redact: Callable[[str], str] = str, discount: float = 1.0) -> Reply:
    """Read a chat completion, of which an endpoint may leave out any field.

    completion (dict[str, Any]): The JSON object.
    redact (Callable[[str], str]): Removes the key from a text.
    discount (float): Share of the usual price.
    """
    choice = first_choice(completion)
    message = as_dict(choice.get("message"))
    text = redact(text_of(message.get("content")) or text_of(choice.get("text")))
    usage = as_dict(completion.get("usage"))
    return Reply(
        text=text,
        model=str(completion.get("model") or "unknown"),
        usage=Usage(
            prompt=count_of(usage.get("prompt_tokens")),
            cached=count_of(as_dict(usage.get("prompt_tokens_details")).get("cached_tokens")),
            completion=count_of(usage.get("completion_tokens")),
        ),
        finish=str(choice.get("finish_reason") or "stop"),
        refusal=redact(text_of(message.get("refusal"))),
        discount=discount,
        tokens=tokens_of(choice, text),
    )


def tokens_of(choice: dict[str, Any], text: str) -> tuple[tuple[str, float], ...]:
    """Return the tokens of a choice with their log-probabilities; none unless they make up the text.

    Tokens that hold parts of a character are joined to the one that completes it.
    """
    tokens: list[tuple[str, float]] = []
    pending, logprob = b"", 0.0
    for entry in as_list(as_dict(choice.get("logprobs")).get("content")):
        token = as_dict(entry)
        pending += bytes_of(token)
        logprob += number_of(token.get("logprob"))
        if whole := whole_text(pending):
            tokens.append((whole, logprob))
            pending, logprob = b"", 0.0
    return tuple(tokens) if "".join(token for token, _ in tokens) == text else ()


def number_of(value: Any) -> float:
    """Return a log-probability; that of the least likely token if it is no number."""
    return float(value) if isinstance(value, int | float) else LEAST_LOGPROB


def bytes_of(token: dict[str, Any]) -> bytes:
    """Return the bytes of a token, which an endpoint may leave out."""
    given = token.get("bytes")
    if isinstance(given, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in given):
        return bytes(given)
    return str(token.get("token") or "").encode("utf8", "surrogatepass")


def whole_text(content: bytes) -> str:
    """Decode UTF-8; empty if a character is not complete."""
    try:
        return content.decode("utf8")
    except UnicodeDecodeError:
        return ""


def first_choice(completion: dict[str, Any]) -> dict[str, Any]:
    """Return the first choice of a completion; empty if there is none."""
    choices = completion.get("choices")
    return as_dict(choices[0]) if isinstance(choices, list) and choices else {}


def as_dict(value: Any) -> dict[str, Any]:
    """Return a value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Return a value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(content: Any) -> str:
    """Return the text of a message's content, which some endpoints send as a list of content parts."""
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else text_of_part(as_dict(part)) for part in content)
    return content if isinstance(content, str) else ""


def text_of_part(part: dict[str, Any]) -> str:
    """Return the text of a content part; empty for reasoning."""
    return text_of(part.get("text")) if part.get("type", "text") in TEXT_TYPES else ""


def count_of(number: Optional[Any]) -> int:
    """Return a count of tokens; 0 if it is no positive number."""
    return int(number) if isinstance(number, int | float) and number > 0 else 0
