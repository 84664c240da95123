"""The result files of a batch. Each line is an answer or a complaint, or cannot be read."""

from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Mapping, Optional, Union

from ..endpoints.completions import as_dict, read_completion, read_object, reply_or_complaint
from ..endpoints.refusals import Complaint, complaint_of
from ..endpoints.replies import Reply
from ..errors import EndpointError
from ..storage.json_lines import JsonLine, read_json_lines
from .jobs import Job

# Share of the usual price.
BATCH_DISCOUNT = 0.5


@dataclass
class Results:
    """Content of the result files of a batch.

    answered (list[tuple[Job, Reply]]): Answers, at most one for each request.
    refused (list[tuple[Job, Complaint]]): Requests that ended with a complaint.
    unread (list[tuple[str, str]]): Lines that cannot be read, each with the reason.
    """

    answered: list[tuple[Job, Reply]] = field(default_factory=list)
    refused: list[tuple[Job, Complaint]] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)


def read_results(content: bytes, jobs: Mapping[str, Job], sent: Collection[str], redact: Callable[[str], str]) -> Results:
    """Read one result file.

    content (bytes): JSON Lines.
    jobs (Mapping[str, Job]): Requests without an answer, by number.
    sent (Collection[str]): Numbers of all requests of the batch.
    redact (Callable[[str], str]): Removes the key from a text.
    """
    results, waiting = Results(), dict(jobs)
    for line in read_json_lines(content):
        number = str((line.entry or {}).get("custom_id"))
        if line.entry is None or number not in sent:
            reason = line.reason or f"its custom_id {number!r} belongs to no request"
            results.unread.append((redact(line.text), f"line {line.number} of the batch's results: {reason}"))
        elif number in waiting:
            add_line(results, waiting, number, line, redact)
    return results


def add_line(results: Results, waiting: dict[str, Job], number: str, line: JsonLine, redact: Callable[[str], str]) -> None:
    """Add one line to the results; a request that is answered no longer waits."""
    try:
        found = read_entry(line.entry or {}, redact)
    except EndpointError as error:
        results.unread.append((redact(line.text), f"line {line.number} of the batch's results: {error}"))
        return
    job = waiting[number]
    if isinstance(found, Reply):
        results.answered.append((waiting.pop(number), found))
    else:
        results.refused.append((job, found))


def read_entry(entry: dict[str, Any], redact: Callable[[str], str]) -> Union[Reply, Complaint]:
    """Read the answer or the complaint of one line.

    RAISES (EndpointError): If it is neither.
    """
    response = as_dict(entry.get("response"))
    body, status = response.get("body"), parse_status(response.get("status_code"))
    if isinstance(body, str) and status in (None, 200):
        body = read_object(body.encode("utf8", errors="replace"), redact)
    if isinstance(body, dict) and status in (None, 200):
        found = reply_or_complaint(body, redact)
        return read_completion(body, redact, BATCH_DISCOUNT) if isinstance(found, Reply) else found
    return complaint_of(status, {"error": entry.get("error"), "detail": body}, redact)


def parse_status(status: Any) -> Optional[int]:
    """Return an HTTP status as a number; None if it is none."""
    return int(status) if str(status).isdecimal() else None
