"""Classification of the complaints of endpoints, as the many servers of this API word them, with advice."""

import re
from typing import Any, Callable, Iterator, Literal, NamedTuple, Optional

ComplaintKind = Literal[
    "content", "schema", "temperature", "max_tokens", "context", "queue", "credit", "key", "address", "request", "down"
]
# Statuses that do not depend on the content of a request.
NOT_CONTENT = (401, 402, 404, 405, 408, 409, 413, 429)
PAGE = "an HTML page"
BUSY = (408, 409, 425, 429)


def any_of(*patterns: str) -> "re.Pattern[str]":
    """Compile patterns of which any may match."""
    return re.compile("|".join(patterns), re.IGNORECASE)


CONTENT = any_of(
    r"content[_ -]?(?:filter|policy|moderation|management polic|safety|exists risk)",
    r"responsible_?ai_?polic|moderation|\bflagged\b|invalid_prompt|guardrail|prohibited[_ ]content|jailbreak|blocklist",
    r"safety[_ ](?:system|filter|setting|check|reason|polic|violation)|for safety|due to safety|cyber_policy|image_safety",
    r"inappropriate content|data_?inspection|considered high[- ]risk|sensitive (?:content|information)|sensitive_words",
    r"unsafe content|usage (?:polic|guideline)|violat\w+ .{0,60}(?:polic|guideline|terms)|content .{0,40}violat|不安全|敏感",
)
ACCOUNT = any_of(
    r"(?:account|organi[sz]ation|project|key|user|workspace)\b.{0,60}(?:deactivated|suspended|disabled|terminated|banned)",
)
SCHEMA = any_of(
    r"response[_ ]?format|json[_ ]?schema|json[_ ]?object|json[_ ]mode|structured[_ ]?output|\bguided|grammar|\bschema\b",
    r"support\w* the requested parameters|handle the requested parameters",
)
TEMPERATURE = any_of("temperature")
MAX_TOKENS = any_of(
    r"max_(?:completion_|output_)?tokens\W.{0,40}(?:required|missing|must be (?:set|provided|specified)|not (?:set|provided))",
    r"(?:required|missing|must (?:set|provide|specify)|specify)\b.{0,60}max_(?:completion_|output_)?tokens",
)
CONTEXT = any_of(
    r"context[_ ]?length|context[_ ](?:window|size|limit)|maximum context|context .{0,20}exceeded|exceed\w* .{0,30}context",
    r"prompt is too long|too many (?:input )?tokens|input is too long|string_above_max_length|max_model_len|n_ctx",
)
QUEUE = any_of(
    r"token_limit_exceeded|enqueued[_ ]token|batch (?:queue|request|enqueued)\w* limit|too many batch",
    r"max\w* .{0,20}batches",
)
CREDIT = any_of(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|billing[_ ](?:hard[_ ]limit|not[_ ]active|limit|error)",
    r"payment[_ ]required|credit balance|(?:out of|more|not enough|no) credits|hard limit has been reached",
    r"account is not active",
)
KEY = any_of(
    r"(?:invalid|incorrect|missing|wrong|no)[_ ](?:x-)?api[_ -]?key|api[_ -]?key (?:not valid|is invalid)",
    r"api_key_invalid|unauthori[sz]ed",
)
ADDRESS = any_of(
    r"model_not_found|model .{0,80}(?:not found|not exist|does not exist|not loaded|not available)|not found|no route",
    r"no models? (?:is |are )?loaded|(?:unexpected|unknown|no such|unsupported) (?:endpoint|route|path|url)|cannot post",
)
DOWN = any_of(
    r"rate[_ -]?limit|too many requests|overloaded|capacity|unavailable|tim(?:ed|e)[_ -]?out|try again|bad gateway|upstream",
    r"internal[_ ](?:server[_ ])?error|server[_ ]error|provider returned error|resource_exhausted|throttl|temporar",
)
PARAMETERS: tuple[tuple[ComplaintKind, "re.Pattern[str]"], ...] = (
    ("context", CONTEXT),
    ("max_tokens", MAX_TOKENS),
    ("schema", SCHEMA),
    ("temperature", TEMPERATURE),
)
ADVICE: dict[ComplaintKind, str] = {
    "temperature": "Write `temperature: 1` into the spec, which is left out where a model takes none, or a value that it takes.",
    "max_tokens": "It demands a parameter that `generate` does not send. Use its OpenAI-compatible address, or another endpoint.",
    "context": "Lower `per_request` in the spec, or take a model or a server setting with a longer context.",
    "queue": "Wait until other batches are done, or send a smaller one with --max-requests; the same command goes on.",
    "credit": "Add credit or raise the limit; the same command goes on.",
    "key": "Set OPENAI_API_KEY to a valid key.",
    "address": "See `model` and `base_url`, which ends in /v1 on most servers.",
}
REASON_FIELDS = (
    "message",
    "msg",
    "detail",
    "error",
    "errors",
    "error_description",
    "code",
    "type",
    "param",
    "status",
    "reason",
    "loc",
)
FURTHER_FIELDS = ("innererror", "metadata", "raw", "reasons", "block_reason", "blockReason", "error_msg", "title", "data")


class Complaint(NamedTuple):
    """An error message of an endpoint instead of an answer.

    status (Optional[int]): HTTP status, or the code in a response with status 200.
    names (str): All messages, codes, types and parameters.
    said (str): The message to show, shortened.
    in_answer (bool): Whether it came with status 200, so that the openai package has not tried again by itself.
    """

    status: Optional[int]
    names: str
    said: str
    in_answer: bool = False

    @property
    def kind(self) -> ComplaintKind:
        """Kind of the complaint."""
        return kind_of(self.status, self.names)


def complaint_of(status: Optional[int], body: Any, redact: Callable[[str], str] = str) -> Complaint:
    """Read a complaint.

    status (Optional[int]): HTTP status; None or 200 if only the body has one.
    body (Any): The body as read from JSON, or as text.
    redact (Callable[[str], str]): Removes the key from a text.
    """
    in_answer = status in (None, 200)
    found = redact("\n".join(strings_in(body)))
    said = redact(message_of(body)) or found
    return Complaint(status_in(body) if in_answer else status, found, shorten(said), in_answer)


def kind_of(status: Optional[int], names: str) -> ComplaintKind:
    """Classify a complaint; more specific reasons come first."""
    if status == 401 or KEY.search(names):
        return "key"
    if status == 402 or CREDIT.search(names):
        return "credit"
    if QUEUE.search(names):
        return "queue"
    if status not in NOT_CONTENT and CONTENT.search(names) and not ACCOUNT.search(names):
        return "content"
    if status == 403:
        return "address" if names.startswith(PAGE) else "key"
    if status in BUSY or (status is not None and status >= 502) or (status is None and DOWN.search(names)):
        return "down"
    return kind_of_parameter(status, names)


def kind_of_parameter(status: Optional[int], names: str) -> ComplaintKind:
    """Classify a complaint by the parameter that it names."""
    for kind, pattern in PARAMETERS:
        if pattern.search(names):
            return kind
    if status is not None and status >= 500 and status != 501:
        return "down"
    if status in (404, 405) or (status is None and ADDRESS.search(names)):
        return "address"
    return "request"


def status_in(body: Any) -> Optional[int]:
    """Return the status that an error object has as its code."""
    error = body.get("error", body) if isinstance(body, dict) else None
    for name in ("code", "status", "status_code"):
        value = error.get(name) if isinstance(error, dict) else None
        if isinstance(value, int | str) and re.fullmatch(r"[45]\d\d", str(value)):
            return int(value)
    return None


def strings_in(body: Any) -> Iterator[str]:
    """Yield all strings of an error that name its reason, without the request that some servers repeat."""
    if isinstance(body, str):
        yield re.split(r"""["']input["']\s*:""", body)[0] if not is_html(body) else title_of(body)
    elif isinstance(body, int | float) and not isinstance(body, bool):
        yield str(body)
    elif isinstance(body, list):
        for element in body:
            yield from strings_in(element)
    elif isinstance(body, dict):
        for name in (*REASON_FIELDS, *FURTHER_FIELDS):
            yield from strings_in(body.get(name))


def message_of(body: Any) -> str:
    """Return the message of an error."""
    for _ in range(4):
        if isinstance(body, list) and body:
            body = body[0]
        elif isinstance(body, dict) and isinstance(body.get("loc"), list):
            return f"{'.'.join(map(str, body['loc']))}: {body.get('msg')}"
        elif isinstance(body, dict):
            body = next(
                (body[name] for name in ("message", "error", "detail", "msg", "errors", "error_msg") if body.get(name)), ""
            )
    return (title_of(body) if is_html(body) else body) if isinstance(body, str) else ""


def shorten(text: str) -> str:
    """Shorten a message to one line of 300 characters."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 300 else f"{joined[:297]}..."


def is_html(text: str) -> bool:
    """Whether a text is an HTML page."""
    return re.match(r"\s*<(?:!doctype|html|head|body|\?xml)\b", text, re.IGNORECASE) is not None


def title_of(page: str) -> str:
    """Describe an HTML page by its title."""
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return f"{PAGE} titled {' '.join(title[1].split())!r}" if title else PAGE
