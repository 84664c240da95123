"""Requests and their answers, as the journal holds them."""

import re
from typing import Any, NamedTuple, Optional

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from .final_answer import final_answer
from .prices import Usage
from .prompts import Messages, ask_again, ask_for
from .quotas import RecordRequest
from .spec import Spec

FILTERED = re.compile("content_filter|safety|prohibited|recitation|sensitive", re.IGNORECASE)


class Repair(BaseModel):
    """A record that is sent back for correction.

    payload (Any): The record as the model wrote it.
    reasons (tuple[str, ...]): Its faults.
    """

    model_config = ConfigDict(frozen=True)
    payload: Any
    reasons: tuple[str, ...]


class Job(BaseModel):
    """One request to the endpoint.

    number (int): Number of the request in the run.
    record_requests (tuple[RecordRequest, ...]): The records to write. Journals of earlier versions call them "briefs".
    repair (Optional[Repair]): The record to correct; None for new ones.
    """

    model_config = ConfigDict(frozen=True)
    number: int
    record_requests: tuple[RecordRequest, ...] = Field(validation_alias=AliasChoices("record_requests", "briefs"))
    repair: Optional[Repair] = None

    def messages(self, spec: Spec) -> Messages:
        """Render the prompt."""
        if self.repair is None:
            return ask_for(self.record_requests, spec)
        return ask_again(self.repair.payload, self.repair.reasons, self.record_requests[0], spec)


class Reply(BaseModel):
    """An answer of an endpoint.

    text (str): The answer; empty if it refused.
    model (str): The model that wrote it, as the endpoint names it.
    usage (Usage): Tokens.
    finish (str): Why it ended, such as "stop" or "length".
    refusal (str): Message of a model that refuses to answer.
    discount (float): Share of the usual price that was paid.
    """

    model_config = ConfigDict(frozen=True)
    text: str
    model: str
    usage: Usage
    finish: str = "stop"
    refusal: str = ""
    discount: float = 1.0


class Outcome(NamedTuple):
    """Result of one answer.

    records (list[dict[str, Any]]): Lines for the file of records.
    rejects (list[dict[str, Any]]): Lines for the file of rejects.
    """

    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


def explain_no_record(reply: Reply) -> str:
    """Return why an answer holds no record."""
    if reply.refusal:
        return f"the model refused: {reply.refusal[:200]}"
    if FILTERED.search(reply.finish):
        return f"the endpoint filtered the answer ({reply.finish}), and it holds no record"
    if reply.text.strip() and not final_answer(reply.text).strip():
        return "the answer ends within its reasoning"
    if reply.finish == "length":
        return "the answer was cut off before its first record ended"
    return "no record in the answer"
