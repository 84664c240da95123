"""Requests and their answers, as the journal holds them."""

from typing import Any, NamedTuple, Optional

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from ..endpoints.replies import FILTERED, Reply, explain_no_answer
from .prompts import Messages, ask_again, ask_for
from .quotas import RecordRequest
from .spec import Spec


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


class Outcome(NamedTuple):
    """Result of one answer.

    records (list[dict[str, Any]]): Lines for the file of records.
    rejects (list[dict[str, Any]]): Lines for the file of rejects.
    """

    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]


def explain_no_record(reply: Reply) -> str:
    """Return why an answer holds no record."""
    reason = explain_no_answer(reply)
    if reason:
        return f"{reason}, and it holds no record" if FILTERED.search(reply.finish) and not reply.refusal else reason
    if reply.finish == "length":
        return "the answer was cut off before its first record ended"
    return "no record in the answer"
