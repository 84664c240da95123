"""What endpoints say instead of an answer: each complaint ends, or is met, as it should be."""

import json
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
from scripted_server import AZURE, Kind, Raw, Said, Server, error, repeat
from test_synthesis_run import assert_good, lines

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.endpoint import RequestOptions
from spacy_slm_ner.errors import EndpointError, ReadError
from spacy_slm_ner.synthesis.record_endpoint import RecordEndpoint
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec

MakeSpec = Callable[..., Spec]
ONE_BY_ONE = Limits(concurrency=1)
ONCE = RequestOptions(retries=0)


# Content


@pytest.mark.parametrize(
    "refused",
    [Raw(400, AZURE), Raw(400, error("flagged", code="invalid_prompt")), Raw(403, error("requires moderation")), Raw(200, AZURE),
     Said("", "content_filter")],
    ids=["azure", "openai", "openrouter", "in-200", "finish"],
)  # fmt: skip
def test_a_filtered_request_is_set_aside(refused: Kind, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with Server(repeat("good", refused, refused, "good")) as server:
        spec = make_spec(records=30, base_url=server.url)
        assert generate(spec, output, Limits(concurrency=1, requests=2), ONCE)[0] == "requests"
        end, summary = generate(spec, output, ONE_BY_ONE, ONCE)
        assert end == "done"
        asked = len(server.requests)
        assert generate(spec, output, ONE_BY_ONE, ONCE)[0] == "done" and len(server.requests) == asked
    assert_good(output, server, 30)
    assert summary["rejects"] == len(lines(tmp_path / "out.rejected.jsonl")) == 2
    prompts = [request["messages"][-1]["content"] for request in server.requests]
    assert len(set(prompts)) == len(prompts)
    assert all("response_format" in request for request in server.requests)


def test_a_run_in_which_everything_is_filtered_ends(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(Raw(400, AZURE))) as server:
        end, summary = generate(make_spec(records=30, base_url=server.url), tmp_path / "out.jsonl", options=ONCE)
        assert end == "stalled" and "content management policy" in summary["last_reason"]
        server.script = repeat("good")
        changed = make_spec(records=30, base_url=server.url, domain="Bookings of tables")
        assert generate(changed, tmp_path / "out.jsonl", options=ONCE)[0] == "done"
    assert_good(tmp_path / "out.jsonl", server, 30)


# Parameters


@pytest.mark.parametrize("said", [error("Bad Request"), error("Unknown field: seed"), error("context length exceeded")])
def test_another_400_is_not_asked_again_without_schema(said: Any, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(Raw(400, said))) as server:
        end, summary = generate(make_spec(base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)
    assert (end, len(server.requests)) == ("request", 1)
    assert said["error"]["message"] in summary["last_error"]


@pytest.mark.parametrize("status", [400, 404, 422, 500, 501])
def test_a_schema_that_is_not_known_is_left_out(status: int, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    unknown = Raw(status, error("json_schema is not supported"))
    with Server(repeat(unknown, "good")) as server:
        assert generate(make_spec(records=10, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)[0] == "done"
    assert [request["response_format"]["type"] for request in server.requests] == ["json_schema", "json_object", "json_object"]


def test_a_temperature_is_left_out_where_it_is_the_default(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    refused = Raw(400, error("Unsupported parameter: 'temperature' is not supported with this model.", param="temperature"))
    with Server(repeat(refused, "good")) as server:
        assert generate(make_spec(records=10, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)[0] == "done"
    assert ["temperature" in request for request in server.requests] == [True, False, False]


def test_a_temperature_that_is_refused_can_be_corrected(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    refused = Raw(400, error("Unsupported value: 'temperature' does not support 0.7 with this model. Only 1 is supported."))
    with Server(repeat(refused, "good")) as server:
        spec = make_spec(records=10, base_url=server.url, temperature=0.7)
        end, summary = generate(spec, tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)
        assert end == "request" and "Write `temperature: 1` into the spec" in summary["last_error"]
        corrected = make_spec(records=10, base_url=server.url, temperature=1.0)
        assert generate(corrected, tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)[0] == "done"
        with pytest.raises(ReadError, match="was begun under another spec"):
            generate(spec, tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)


@pytest.mark.parametrize(
    "changes", [{"model": "other"}, {"seed": 3}, {"domain": "Tables"}, {"labels": {"X": {"description": "x"}}}]
)
def test_a_spec_may_be_corrected_while_nothing_is_answered(
    changes: dict[str, Any], key: str, make_spec: MakeSpec, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    with Server(repeat(Raw(404, error("The model does not exist")), "good")) as server:
        assert generate(make_spec(records=5, base_url=server.url), output, ONE_BY_ONE, ONCE)[0] == "request"
        changed = make_spec(records=5, base_url=server.url, **changes)
        assert generate(changed, output, Limits(1, requests=1), ONCE)[0] in ("done", "requests")
        with pytest.raises(ReadError, match="was begun under another spec"):
            generate(make_spec(records=5, base_url=server.url), output, ONE_BY_ONE, ONCE)
    assert [entry["kind"] for entry in lines(tmp_path / "out.journal.jsonl")] == ["start", "start", "answer"]


# Status 200 and no completion


@pytest.mark.parametrize(
    ("sent", "end", "said"),
    [
        (Raw(200, "<!doctype html><html><title>Log in</title></html>", "text/html"), "request", "an HTML page titled 'Log in'"),
        (Raw(200, "<html><body>Ollama is running</body></html>"), "request", "/v1"),
        (Raw(200, "Ollama is running", "text/plain"), "request", "Ollama is running"),
        (Raw(200, ""), "down", "an empty body"),
        (Raw(200, "", "text/plain"), "down", "an empty body"),
        (Raw(200, '{"choices": [{"mess'), "down", "sent no JSON"),
        (Raw(200, '"Hello"'), "request", "sent str 'Hello'"),
        (Raw(200, "null"), "request", "sent NoneType"),
        (Raw(200, []), "request", "sent list"),
        (Raw(200, {"detail": "Not Found"}), "request", "knows no such model or address: Not Found"),
        (Raw(200, {"message": {"content": "x"}, "done": True}), "request", "sent no chat completion"),
        (Raw(200, error("No allowed providers", code=404)), "request", "No allowed providers"),
        (Raw(200, {**error("Key limit exceeded", code=402), "choices": None}), "credit", "Key limit exceeded"),
        (Raw(200, {**error("Rate limit exceeded", code=429), "choices": []}), "down", "Rate limit exceeded"),
        (Raw(200, {"choices": None}), "down", "no choices"),
        (Raw(200, {"choices": [{"error": {"message": "It broke", "code": 502}, "message": {}}]}), "down", "broke"),
        (Raw(200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}), "request", "`base_url`"),
    ],
)  # fmt: skip
def test_no_completion_ends_by_name(sent: Raw, end: str, said: str, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(sent)) as server:
        found, summary = generate(make_spec(base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)
    assert (found, summary["records"]) == (end, 0)
    assert said in summary["last_error"] and len(summary["last_error"]) < 800
    assert [entry["kind"] for entry in lines(tmp_path / "out.journal.jsonl")] == ["start"]


@pytest.mark.parametrize("sent", [error("Rate limit exceeded", code=429), error("Overloaded", code=503), {"choices": []}])
def test_a_rate_limit_in_a_200_is_tried_again(sent: Any, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(Raw(200, sent), "good")) as server:
        end, summary = generate(
            make_spec(records=5, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, RequestOptions(retries=1)
        )
    assert (end, len(server.requests), summary["last_error"]) == ("done", 2, "")


def test_what_was_paid_for_is_an_answer(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    paid = Raw(200, {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}})
    parts = [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": '{"records": []}'}]
    in_parts = Raw(200, {"choices": [{"message": {"content": parts}}], "usage": {"completion_tokens": "many"}})
    vain = Raw(400, error("Failed to validate JSON", code="json_validate_failed", failed_generation="{'records': []}"))
    with Server(repeat(paid, in_parts, vain, "good")) as server:
        generate(make_spec(records=5, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)
    answers = [entry["reply"]["text"] for entry in lines(tmp_path / "out.journal.jsonl")[1:]]
    assert answers[:3] == ["", '{"records": []}', "{'records': []}"] and len(answers) == 4


# Addresses and keys


@pytest.mark.parametrize(
    "address",
    ["localhost:8000/v1", "127.0.0.1:8000", "", "http://", "ftp://host/v1", "http://host:port/v1", "http://a b/v1", "http:/x"],
)
def test_an_address_that_no_server_has_is_refused(address: str, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="An address looks like https"):
        generate(make_spec(base_url=address), tmp_path / "out.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_an_address_of_the_environment_is_checked_too(key: str, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "localhost:1")
    with pytest.raises(EndpointError, match="for the variable OPENAI_BASE_URL"):
        RecordEndpoint(make_spec(), key, ONCE)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9/v1", "No server listens there"),
        ("http://no-such-host.invalid/v1", "check `base_url` and the network"),
        ("https://{server}/v1", "http:// in front"),
    ],
)
def test_a_connection_that_fails_says_why(address: str, said: str, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        url = address.format(server=server.url.split("/")[2])
        end, summary = generate(make_spec(base_url=url), tmp_path / "out.jsonl", ONE_BY_ONE, ONCE)
    assert end in ("down", "request")
    assert said.lower() in summary["last_error"].lower()


@pytest.mark.parametrize("wrong", ["sk-ключ", "sk-a\nb"])
def test_a_key_that_cannot_be_sent_is_refused(wrong: str, make_spec: MakeSpec) -> None:
    with pytest.raises(EndpointError, match="holds characters that no key has") as caught:
        RecordEndpoint(make_spec(), wrong, ONCE)
    assert wrong not in str(caught.value)


@pytest.mark.parametrize(("given", "text"), [(None, "none of us"), ("EMPTY", "EMPTY"), ("x", "x y"), ("sk-secret", "a *** b")])
def test_a_stand_in_for_a_key_is_no_secret(given: Optional[str], text: str, make_spec: MakeSpec) -> None:
    endpoint = RecordEndpoint(make_spec(base_url="http://localhost:1/v1"), given or "none", ONCE)
    assert endpoint.redact(text.replace("***", "sk-secret")) == text


# The journal


def test_a_damaged_line_of_the_journal_costs_itself_only(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output, journal = tmp_path / "out.jsonl", tmp_path / "out.journal.jsonl"
    with Server() as server:
        spec = make_spec(records=20, base_url=server.url)
        generate(spec, output, ONE_BY_ONE)
        entries = journal.read_bytes().split(b"\n")
        entries[2] = entries[2][:50]
        journal.write_bytes(b"\n".join([*entries[:3], b"", *entries[3:-1]]))
        assert generate(spec, output, ONE_BY_ONE)[0] == "done"
    assert_good(output, server, 20)
    (reject,) = lines(tmp_path / "out.rejected.jsonl")
    assert reject["answer"] == entries[2].decode() and "line 3 of out.journal.jsonl is not JSON" in reject["reasons"][0]


def test_a_last_line_that_lacks_only_its_end_is_whole(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    journal = tmp_path / "out.journal.jsonl"
    with Server() as server:
        spec = make_spec(records=20, base_url=server.url)
        generate(spec, tmp_path / "out.jsonl")
        asked = len(server.requests)
        journal.write_bytes(journal.read_bytes()[:-1])
        assert generate(spec, tmp_path / "out.jsonl")[0] == "done"
    assert len(server.requests) == asked


@pytest.mark.parametrize("content", [b"hello\n", b"hello", b"[1]\n", b'{"a": 1}\n'])
def test_what_is_no_journal_is_left_alone(content: bytes, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    journal = tmp_path / "out.journal.jsonl"
    journal.write_bytes(content)
    with pytest.raises(ReadError, match=r"is damaged|is no journal"):
        generate(make_spec(base_url="http://127.0.0.1:9/v1"), tmp_path / "out.jsonl")
    assert journal.read_bytes() == content


@pytest.mark.parametrize("torn", [b'{"kind": "sta', b'{"kind": "start", "spec": "1'])
def test_a_first_line_that_was_torn_is_cut_off(torn: bytes, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    (tmp_path / "out.journal.jsonl").write_bytes(torn)
    with Server() as server:
        assert generate(make_spec(records=5, base_url=server.url), tmp_path / "out.jsonl")[0] == "done"


# Answers


@pytest.mark.parametrize(
    "said",
    [
        "<think>{records}</think>{records}",
        "<|channel|>analysis<|message|>{records}<|end|><|start|>assistant<|channel|>final<|message|>{records}",
        "Draft:\n{records}\nFinal answer:\n{records}",
    ],
)
def test_only_the_final_answer_of_a_run_counts(said: str, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(Said(said))) as server:
        end, _ = generate(make_spec(records=10, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE)
        assert (end, len(server.requests)) == ("done", 2)
    assert_good(tmp_path / "out.jsonl", server, 10)


def test_a_lost_record_has_an_entry_with_its_text(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(repeat(Said('{"records": [{"text": "He said "hi"", "labels": []}, {"text": "cut'), Said("{records}"))) as server:
        generate(make_spec(records=5, base_url=server.url), tmp_path / "out.jsonl", ONE_BY_ONE)
    answers = [reject["answer"] for reject in lines(tmp_path / "out.rejected.jsonl")]
    assert answers == ['{"text": "He said "hi"", "labels": []}', '{"text": "cut']
    assert json.loads((tmp_path / "out.journal.jsonl").read_text().split("\n")[1])["kind"] == "answer"
