"""Each complaint of an endpoint has its kind, by its code or its words."""

from typing import Any

import pytest
from scripted_server import AZURE, error

from spacy_slm_ner.endpoints.refusals import complaint_of

SCHEMA_422 = {"detail": [{"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted", "input": {"type": "x"}}]}
ECHO_422 = {"detail": [{"loc": ["body", "model"], "msg": "Field required", "input": {"response_format": 1, "temperature": 1}}]}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, AZURE, "content"),
        (400, error("Your request was rejected", code="content_policy_violation"), "content"),
        (400, error("Your prompt was flagged as potentially violating our usage policy.", code="invalid_prompt"), "content"),
        (403, error("Your chosen model requires moderation and your input was flagged for \"violence\""), "content"),
        (400, error("Output blocked by content filtering policy"), "content"),
        (400, error("litellm.BadRequestError: litellm.ContentPolicyViolationError: x", code="400"), "content"),
        (400, error("Content Exists Risk"), "content"),
        (400, error("Input data may contain inappropriate content.", code="data_inspection_failed"), "content"),
        (400, [error("The prompt was blocked: PROHIBITED_CONTENT", status="INVALID_ARGUMENT")], "content"),
        (401, error("Your organization was flagged"), "key"),
        (403, error("Your account was deactivated for violating our usage policies"), "key"),
        (403, "<!DOCTYPE html><html><title>Attention Required!</title></html>", "address"),
        (400, error("API key not valid. Please pass a valid API key."), "key"),
        (402, error("This request requires more credits"), "credit"),
        (400, error("Your credit balance is too low to access the API."), "credit"),
        (429, error("You exceeded your current quota", code="insufficient_quota"), "credit"),
        (429, error("Rate limit reached"), "down"),
        (503, error("Loading model"), "down"),
        (500, error("'json_schema' is not supported"), "schema"),
        (400, error("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."), "schema"),
        (400, error("This model does not support structured outputs"), "schema"),
        (400, error("guided decoding needs xgrammar"), "schema"),
        (400, error("This response_format type is unavailable now"), "schema"),
        (400, error("Unsupported value", code="unsupported_value", param="response_format"), "schema"),
        (400, error("'my json schema' is no text", param="messages"), "request"),
        (400, error("Unknown parameter: 'structured_outputs'", param="structured_outputs"), "schema"),
        (422, {"detail": "Unexpected fields in the request: {'grammar'}"}, "schema"),
        (422, SCHEMA_422, "schema"),
        (422, ECHO_422, "request"),
        (404, error("No endpoints found that can handle the requested parameters."), "schema"),
        (400, error("Bad Request"), "request"),
        (400, error("This model's maximum context length is 4096 tokens", code="context_length_exceeded"), "context"),
        (400, error("the request exceeds the available context size (512 tokens)"), "context"),
        (400, error("max_tokens: Field required"), "max_tokens"),
        (400, error("Unsupported value: 'temperature' does not support 0.7.", param="temperature"), "temperature"),
        (400, error("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'."), "max_tokens_name"),
        (403, error("You are not allowed to request logprobs from this model"), "logprobs"),
        (400, error("Unsupported parameter: 'seed'"), "seed"),
        (404, {"error": "model 'llama9' not found, try pulling it first"}, "address"),
        (200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, "address"),
        (200, error("Rate limit exceeded", code=429), "down"),
        (200, error("Provider returned error", code="502"), "down"),
        (200, error("invalid api key"), "key"),
    ],
)  # fmt: skip
def test_each_complaint_has_its_kind(status: int, body: Any, kind: str) -> None:
    if isinstance(body, dict) and status != 200:
        body = body.get("error", body)
    assert complaint_of(status, body).kind == kind
