"""Prompts that ask for records, from versioned templates, and the JSON schema of an answer."""

import json
from functools import cache
from typing import Any, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .quotas import RecordRequest
from .spec import Spec

Messages = list[dict[str, str]]


@cache
def load_request_template(name: str) -> Template:
    """Load a template by its name."""
    environment = Environment(
        loader=PackageLoader("spacy_slm_ner.synthesis"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(f"{name}.v1.jinja")


def system_message(spec: Spec) -> dict[str, str]:
    """Render the system message, which is the same for all requests of a spec, so that endpoints can cache it."""
    occurrence = ', "occurrence": null'
    return {"role": "system", "content": load_request_template("system").render(spec=spec, occurrence=occurrence).strip()}


def ask_for(record_requests: Sequence[RecordRequest], spec: Spec) -> Messages:
    """Render a request for new records."""

    def words(record_request: RecordRequest) -> str:
        least, most = spec.lengths[record_request.length].words
        return f"{least} to {most}"

    content = load_request_template("request").render(record_requests=record_requests, words=words)
    return [system_message(spec), {"role": "user", "content": content.strip()}]


def ask_again(payload: Any, reasons: Sequence[str], record_request: RecordRequest, spec: Spec) -> Messages:
    """Render a request to correct a record.

    payload (Any): The record as the model wrote it.
    reasons (Sequence[str]): Its faults.
    record_request (RecordRequest): The request for it.
    spec (Spec): The records that are asked for.
    """
    # Lone surrogates cannot be sent, so they are escaped as in JSON.
    record = json.dumps(payload, ensure_ascii=False)[:4000].encode("utf8", errors="backslashreplace").decode("utf8")
    content = load_request_template("repair").render(record=record, reasons=reasons, intent=record_request.intent)
    return [system_message(spec), {"role": "user", "content": content.strip()}]


def answer_schema(spec: Spec) -> dict[str, Any]:
    """Make the JSON schema of an answer, in the subset that structured output accepts: every property is required."""
    tags = [f"{prefix}-{label}" for label in spec.labels for prefix in "BI"]
    word = {
        "word": {"type": "string"},
        "label": {"type": "string", "enum": tags},
        "occurrence": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    }
    record: dict[str, Any] = {"text": {"type": "string"}, "labels": {"type": "array", "items": closed(word)}}
    if spec.intents:
        record["intent"] = {"type": "string", "enum": list(spec.intents)}
    return closed({"records": {"type": "array", "items": closed(record)}})


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Make the schema of an object that requires these properties and allows no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
