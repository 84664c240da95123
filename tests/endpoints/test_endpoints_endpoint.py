"""One request to an endpoint."""

import asyncio
from typing import Any

import pytest
from scripted_server import AZURE, Raw, Said, Server, error, repeat

from spacy_slm_ner.endpoints.endpoint import Accepted, Endpoint, ModelSettings, RequestOptions
from spacy_slm_ner.endpoints.replies import Reply
from spacy_slm_ner.errors import EndpointError

PROMPT = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}


def ask(server: Server, accepted: Accepted | None = None, **settings: Any) -> Reply:
    async def once() -> Reply:
        model = ModelSettings("llama", server.url, **settings)
        endpoint = Endpoint(model, "sk-right", RequestOptions(5.0, 0), {"schema": "Take another format."}, accepted)
        try:
            return await endpoint.ask(PROMPT)
        finally:
            await endpoint.close()

    return asyncio.run(once())


def test_a_request_has_what_is_set_and_nothing_else() -> None:
    with Server(repeat(Said("Hi"))) as server:
        ask(server, temperature=None)
        ask(server, temperature=0.5, max_tokens=9, seed=3, logprobs=True, schema=SCHEMA)
    bare, full = server.requests
    assert bare == {"model": "llama", "messages": PROMPT}
    form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": SCHEMA}}
    rest = {"temperature": 0.5, "max_tokens": 9, "seed": 3, "logprobs": True, "response_format": form}
    assert full == {**bare, **rest}


def test_a_refused_schema_is_left_out_and_a_refused_text_is_not_asked_again() -> None:
    refused = Raw(400, error("Invalid schema for response_format", code="unsupported"))
    accepted = Accepted()
    with Server(iter([refused, refused, Said("Hi"), Raw(400, AZURE)])) as server:
        assert ask(server, accepted, schema=SCHEMA).text == "Hi"
        with pytest.raises(EndpointError) as caught:
            ask(server, accepted, schema=SCHEMA)
    assert (caught.value.kind, caught.value.complaint) == ("content", "content")
    assert [body.get("response_format", {}).get("type") for body in server.requests] == ["json_schema", "json_object", None, None]


def test_the_advice_is_that_of_the_user_of_the_endpoint() -> None:
    with (
        Server(repeat(Raw(400, error("the schema is wrong")))) as server,
        pytest.raises(EndpointError, match="Take another format"),
    ):
        ask(server)
