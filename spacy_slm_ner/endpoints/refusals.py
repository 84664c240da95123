"""Reading of the complaints of endpoints: error messages instead of an answer."""

import re
from typing import Any, Callable, Iterator, NamedTuple, Optional

from .complaint_kinds import PAGE, ComplaintKind, kind_of

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
    param (str): The parameter that it names in a field of its own; empty if it names none.
    """

    status: Optional[int]
    names: str
    said: str
    in_answer: bool = False
    param: str = ""

    @property
    def kind(self) -> ComplaintKind:
        """Kind of the complaint."""
        return kind_of(self.status, self.names, self.param)


def complaint_of(status: Optional[int], body: Any, redact: Callable[[str], str] = str) -> Complaint:
    """Read a complaint.

    status (Optional[int]): HTTP status; None or 200 if only the body has one.
    body (Any): The body as read from JSON, or as text.
    redact (Callable[[str], str]): Removes the key from a text.
    """
    in_answer = status in (None, 200)
    found = redact("\n".join(strings_in(body)))
    said = redact(message_of(body)) or found
    return Complaint(status_in(body) if in_answer else status, found, shorten(said), in_answer, param_in(body))


def status_in(body: Any) -> Optional[int]:
    """Return the status that an error object has as its code."""
    error = body.get("error", body) if isinstance(body, dict) else None
    for name in ("code", "status", "status_code"):
        value = error.get(name) if isinstance(error, dict) else None
        if isinstance(value, int | str) and re.fullmatch(r"[45]\d\d", str(value)):
            return int(value)
    return None


def param_in(body: Any) -> str:
    """Return the parameter that an error object names in a field of its own; empty if it names none."""
    error = body.get("error", body) if isinstance(body, dict) else None
    param = error.get("param") if isinstance(error, dict) else None
    return param if isinstance(param, str) else ""


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
