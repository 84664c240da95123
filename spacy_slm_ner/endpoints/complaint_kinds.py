"""Kinds of complaints: their wording by the many servers of this API, the message to the user, and advice."""

import re
from typing import Literal, Optional

ComplaintKind = Literal[
    "content",
    "schema",
    "temperature",
    "max_tokens",
    "max_tokens_name",
    "logprobs",
    "seed",
    "context",
    "queue",
    "credit",
    "key",
    "address",
    "request",
    "down",
]
# Statuses that do not depend on the content of a request.
NOT_CONTENT = (401, 402, 404, 405, 408, 409, 413, 429)
PAGE = "an HTML page"
BUSY = (408, 409, 425, 429)


def any_of(*patterns: str) -> "re.Pattern[str]":
    """Compile patterns of which any may match."""
    return re.compile("|".join(patterns), re.IGNORECASE)


CONTENT_PATTERN = any_of(
    r"content[_ -]?(?:filter|policy|moderation|management polic|safety|exists risk)",
    r"responsible_?ai_?polic|moderation|\bflagged\b|invalid_prompt|guardrail|prohibited[_ ]content|jailbreak|blocklist",
    r"safety[_ ](?:system|filter|setting|check|reason|polic|violation)|for safety|due to safety|cyber_policy|image_safety",
    r"inappropriate content|data_?inspection|considered high[- ]risk|sensitive (?:content|information)|sensitive_words",
    r"unsafe content|usage (?:polic|guideline)|violat\w+ .{0,60}(?:polic|guideline|terms)|content .{0,40}violat|不安全|敏感",
)
ACCOUNT_PATTERN = any_of(
    r"(?:account|organi[sz]ation|project|key|user|workspace)\b.{0,60}(?:deactivated|suspended|disabled|terminated|banned)",
)
SCHEMA_PATTERN = any_of(
    r"response[_ ]?format|json[_ ]?schema|json[_ ]?object|json[_ ]mode|structured[_ ]?output|\bguided|grammar|\bschema\b",
    r"support\w* the requested parameters|handle the requested parameters",
)
TEMPERATURE_PATTERN = any_of("temperature")
MAX_TOKENS_PATTERN = any_of(
    r"max_(?:completion_|output_)?tokens\W.{0,40}(?:required|missing|must be (?:set|provided|specified)|not (?:set|provided))",
    r"(?:required|missing|must (?:set|provide|specify)|specify)\b.{0,60}max_(?:completion_|output_)?tokens",
)
CONTEXT_PATTERN = any_of(
    r"context[_ ]?length|context[_ ](?:window|size|limit)|maximum context|context .{0,20}exceeded|exceed\w* .{0,30}context",
    r"prompt is too long|too many (?:input )?tokens|input is too long|string_above_max_length|max_model_len|n_ctx",
)
QUEUE_PATTERN = any_of(
    r"token_limit_exceeded|enqueued[_ ]token|batch (?:queue|request|enqueued)\w* limit|too many batch",
    r"max\w* .{0,20}batches",
)
CREDIT_PATTERN = any_of(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|billing[_ ](?:hard[_ ]limit|not[_ ]active|limit|error)",
    r"payment[_ ]required|credit balance|(?:out of|more|not enough|no) credits|hard limit has been reached",
    r"account is not active",
)
KEY_PATTERN = any_of(
    r"(?:invalid|incorrect|missing|wrong|no)[_ ](?:x-)?api[_ -]?key|api[_ -]?key (?:not valid|is invalid)",
    r"api_key_invalid|unauthori[sz]ed",
)
ADDRESS_PATTERN = any_of(
    r"model_not_found|model .{0,80}(?:not found|not exist|does not exist|not loaded|not available)|not found|no route",
    r"no models? (?:is |are )?loaded|(?:unexpected|unknown|no such|unsupported) (?:endpoint|route|path|url)|cannot post",
)
DOWN_PATTERN = any_of(
    r"rate[_ -]?limit|too many requests|overloaded|capacity|unavailable|tim(?:ed|e)[_ -]?out|try again|bad gateway|upstream",
    r"internal[_ ](?:server[_ ])?error|server[_ ]error|provider returned error|resource_exhausted|throttl|temporar",
)
# Newer models know the limit by another name.
MAX_TOKENS_NAME_PATTERN = any_of(r"max_tokens.{0,120}max_completion_tokens")
LOGPROBS_PATTERN = any_of("logprobs")
SEED_PATTERN = any_of(
    r"\bseed\b.{0,60}(?:support|unknown|permitted|unexpected|unrecogni[sz]ed)",
    r"(?:support|unknown|permitted|unexpected|unrecogni[sz]ed).{0,60}\bseed\b",
)
PARAMETERS: tuple[tuple[ComplaintKind, "re.Pattern[str]"], ...] = (
    ("context", CONTEXT_PATTERN),
    ("max_tokens_name", MAX_TOKENS_NAME_PATTERN),
    ("max_tokens", MAX_TOKENS_PATTERN),
    ("logprobs", LOGPROBS_PATTERN),
    ("seed", SEED_PATTERN),
    ("schema", SCHEMA_PATTERN),
    ("temperature", TEMPERATURE_PATTERN),
)
# Message and kind of the `EndpointError` by kind of complaint.
MEANINGS: dict[ComplaintKind, tuple[str, str]] = {
    "content": ("The endpoint refused the request for its content", "content"),
    "credit": ("The account has no credit left", "credit"),
    "key": ("The endpoint refused the key", "key"),
    "address": ("The endpoint knows no such model or address", "request"),
    "context": ("The request does not fit into the context of the model", "request"),
    "temperature": ("The endpoint refused the temperature", "request"),
    "seed": ("The endpoint takes no seed", "request"),
    "schema": ("The endpoint refused the schema of the answer", "request"),
    "queue": ("The endpoint takes no further batch now", "request"),
}


def kind_of(status: Optional[int], names: str, param: str = "") -> ComplaintKind:
    """Classify a complaint; more specific reasons come first.

    status (Optional[int]): Its status.
    names (str): All its messages, codes, types and parameters, which may repeat what was asked.
    param (str): The parameter that it names in a field of its own.
    """
    if status == 401 or KEY_PATTERN.search(names):
        return "key"
    if status == 402 or CREDIT_PATTERN.search(names):
        return "credit"
    if QUEUE_PATTERN.search(names):
        return "queue"
    if status not in NOT_CONTENT and CONTENT_PATTERN.search(names) and not ACCOUNT_PATTERN.search(names):
        return "content"
    if status == 403 and not LOGPROBS_PATTERN.search(names):
        return "address" if names.startswith(PAGE) else "key"
    if status in BUSY or (status is not None and status >= 502) or (status is None and DOWN_PATTERN.search(names)):
        return "down"
    return kind_of_parameter(status, names, param)


def kind_of_parameter(status: Optional[int], names: str, param: str) -> ComplaintKind:
    """Classify a complaint by the parameter that it names. One about the messages is not about the schema, whatever it says."""
    for kind, pattern in PARAMETERS:
        if pattern.search(names) and not (kind == "schema" and param and not pattern.search(param)):
            return kind
    if status is not None and status >= 500 and status != 501:
        return "down"
    if status in (404, 405) or (status is None and ADDRESS_PATTERN.search(names)):
        return "address"
    return "request"
