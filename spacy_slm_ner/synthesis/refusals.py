"""What an endpoint complains about, in the words of the many servers of this API, and what to do about it."""

import re
from typing import Any, Callable, Iterator, Literal, NamedTuple, Optional

ComplaintKind = Literal[
    "content", "schema", "temperature", "max_tokens", "context", "queue", "credit", "key", "address", "request", "down"
]
# Statuses that say nothing about the content of a request.
NOT_CONTENT = (401, 402, 404, 405, 408, 409, 413, 429)
PAGE = "an HTML page"
BUSY = (408, 409, 425, 429)


def words(*patterns: str) -> "re.Pattern[str]":
    return re.compile("|".join(patterns), re.IGNORECASE)


CONTENT = words(
    r"content[_ -]?(?:filter|policy|moderation|management polic|safety|exists risk)",
    r"responsible_?ai_?polic|moderation|\bflagged\b|invalid_prompt|guardrail|prohibited[_ ]content|jailbreak|blocklist",
    r"safety[_ ](?:system|filter|setting|check|reason|polic|violation)|for safety|due to safety|cyber_policy|image_safety",
    r"inappropriate content|data_?inspection|considered high[- ]risk|sensitive (?:content|information)|sensitive_words",
    r"unsafe content|usage (?:polic|guideline)|violat\w+ .{0,60}(?:polic|guideline|terms)|content .{0,40}violat|不安全|敏感",
)
ACCOUNT = words(
    r"(?:account|organi[sz]ation|project|key|user|workspace)\b.{0,60}(?:deactivated|suspended|disabled|terminated|banned)",
)
SCHEMA = words(
    r"response[_ ]?format|json[_ ]?schema|json[_ ]?object|json[_ ]mode|structured[_ ]?output|\bguided|grammar|\bschema\b",
    r"support\w* the requested parameters|handle the requested parameters",
)
TEMPERATURE = words("temperature")
MAX_TOKENS = words(
    r"max_(?:completion_|output_)?tokens\W.{0,40}(?:required|missing|must be (?:set|provided|specified)|not (?:set|provided))",
    r"(?:required|missing|must (?:set|provide|specify)|specify)\b.{0,60}max_(?:completion_|output_)?tokens",
)
CONTEXT = words(
    r"context[_ ]?length|context[_ ](?:window|size|limit)|maximum context|context .{0,20}exceeded|exceed\w* .{0,30}context",
    r"prompt is too long|too many (?:input )?tokens|input is too long|string_above_max_length|max_model_len|n_ctx",
)
QUEUE = words(
    r"token_limit_exceeded|enqueued[_ ]token|batch (?:queue|request|enqueued)\w* limit|too many batch",
    r"max\w* .{0,20}batches",
)
CREDIT = words(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|billing[_ ](?:hard[_ ]limit|not[_ ]active|limit|error)",
    r"payment[_ ]required|credit balance|(?:out of|more|not enough|no) credits|hard limit has been reached",
    r"account is not active",
)
KEY = words(
    r"(?:invalid|incorrect|missing|wrong|no)[_ ](?:x-)?api[_ -]?key|api[_ -]?key (?:not valid|is invalid)",
    r"api_key_invalid|unauthori[sz]ed",
)
ADDRESS = words(
    r"model_not_found|model .{0,80}(?:not found|not exist|does not exist|not loaded|not available)|not found|no route",
    r"no models? (?:is |are )?loaded|(?:unexpected|unknown|no such|unsupported) (?:endpoint|route|path|url)|cannot post",
)
DOWN = words(
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
    """What an endpoint says instead of an answer.

    status (Optional[int]): HTTP status, or the number that stands in an answer with status 200.
    names (str): Everything that names a reason: messages, codes, types and parameters.
    said (str): The message for people, shortened.
    in_answer (bool): Whether it came with status 200, so that the openai package has not tried again by itself.
    """

    status: Optional[int]
    names: str
    said: str
    in_answer: bool = False

    @property
    def kind(self) -> ComplaintKind:
        return kind_of(self.status, self.names)


def complaint_of(status: Optional[int], body: Any, redact: Callable[[str], str] = str) -> Complaint:
    """Read a complaint.

    status (Optional[int]): HTTP status; None or 200 if the body alone tells.
    body (Any): What was sent, as read from JSON, or as text.
    redact (Callable[[str], str]): Takes the key out of a text.
    """
    in_answer = status in (None, 200)
    found = redact("\n".join(strings_in(body)))
    said = redact(message_of(body)) or found
    return Complaint(status_in(body) if in_answer else status, found, shorten(said), in_answer)


def kind_of(status: Optional[int], names: str) -> ComplaintKind:
    """What a complaint is about; more particular reasons come first."""
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
    """Which parameter a complaint is about."""
    for kind, pattern in PARAMETERS:
        if pattern.search(names):
            return kind
    if status is not None and status >= 500 and status != 501:
        return "down"
    if status in (404, 405) or (status is None and ADDRESS.search(names)):
        return "address"
    return "request"


def status_in(body: Any) -> Optional[int]:
    """The status that an error object holds as its code."""
    error = body.get("error", body) if isinstance(body, dict) else None
    for name in ("code", "status", "status_code"):
        value = error.get(name) if isinstance(error, dict) else None
        if isinstance(value, int | str) and re.fullmatch(r"[45]\d\d", str(value)):
            return int(value)
    return None


def strings_in(body: Any) -> Iterator[str]:
    """Everything in an error that names its reason, without the request that some servers repeat in it."""
    if isinstance(body, str):
        yield re.split(r"""["']input["']\s*:""", body)[0] if not is_html(body) else title_of(body)
    elif isinstance(body, int | float) and not isinstance(body, bool):
        yield str(body)
    elif isinstance(body, list):
        for one in body:
            yield from strings_in(one)
    elif isinstance(body, dict):
        for name in (*REASON_FIELDS, *FURTHER_FIELDS):
            yield from strings_in(body.get(name))


def message_of(body: Any) -> str:
    """The message of an error for people."""
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
    """A message on one line, of 300 characters at most."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 300 else f"{joined[:297]}..."


def is_html(text: str) -> bool:
    return re.match(r"\s*<(?:!doctype|html|head|body|\?xml)\b", text, re.IGNORECASE) is not None


def title_of(page: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", page, re.IGNORECASE | re.DOTALL)
    return f"{PAGE} titled {' '.join(title[1].split())!r}" if title else PAGE
