"""Runs against the scripted server: nothing is lost, nothing is doubled, and every end has its name."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from scripted_server import Server, faulty, flawless

from spacy_slm_ner.cli.generate import generate
from spacy_slm_ner.endpoints.endpoint import RequestOptions
from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.synthesis.run import Limits
from spacy_slm_ner.synthesis.spec import Spec

MakeSpec = Callable[..., Spec]
FAST = Limits(concurrency=16)
HASTY = RequestOptions(timeout=0.8, retries=8)
ONCE = RequestOptions(retries=0)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").split("\n") if line]


def entities(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entry["word"], entry["label"]) for entry in record["labels"] if entry["label"] != "O"]


def words(record: dict[str, Any]) -> str:
    """Everything labelled, without regard to how words are cut."""
    return "".join(word for word, _ in entities(record))


def assert_good(path: Path, server: Server, number: int) -> None:
    """Exactly so many records, each once, and each one that the server knows as good."""
    records = lines(path)
    texts = [record["text"] for record in records]
    assert len(texts) == len(set(texts)) == number
    assert set(texts) <= server.good.keys()
    assert all(words(record) == words(server.good[record["text"]]) for record in records)
    assert {record["model"] for record in records} == {"gpt-4.1-mini-2025-04-14"}


def test_a_thousand_good_records_out_of_many_faults(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with Server(faulty(0.2)) as server:
        spec = make_spec(records=1000, base_url=server.url)
        end, summary = generate(spec, output, FAST, HASTY)
        assert set(server.kinds) >= {"rate_limit", "server_error", "time_out", "cut_off", "refusal", "duplicates", "slow"}
    assert end == "done"
    assert_good(output, server, 1000)
    rejects = lines(tmp_path / "out.rejected.jsonl")
    assert summary["rejects"] == len(rejects) > 0
    reasons = " ".join(reason for reject in rejects for reason in reject["reasons"])
    assert "refused: I cannot help with that." in reasons and "no record in the answer" in reasons
    assert "near_duplicate" in reasons


def test_kill_9_at_any_moment_loses_and_doubles_nothing(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output, rng = tmp_path / "out.jsonl", random.Random(3)
    with Server(faulty(0.2), latency=0.02) as server:
        spec = make_spec(records=1000, base_url=server.url)
        killed = 0
        for _ in range(20):
            child = os.fork()
            if child == 0:
                generate(spec, output, FAST, HASTY)
                os._exit(0)
            time.sleep(rng.uniform(0.1, 0.8))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            killed += os.WIFSIGNALED(status)
        end, _ = generate(spec, output, FAST, HASTY)
        assert killed >= 15
    assert end == "done"
    assert_good(output, server, 1000)
    answers = [entry for entry in lines(tmp_path / "out.journal.jsonl") if entry["kind"] == "answer"]
    # Whatever the journal holds of good records is in the output: nothing that was paid for is lost.
    paid = {record["text"] for entry in answers for record in read_good(entry["reply"]["text"], server)}
    assert paid == {record["text"] for record in lines(output)}


def read_good(text: str, server: Server) -> list[dict[str, Any]]:
    from spacy_slm_ner.synthesis.response_parsing import parse_answer

    return [payload for payload in parse_answer(text).records if isinstance(payload, dict) and payload.get("text") in server.good]


def test_a_torn_line_is_cut_off(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with Server() as server:
        spec = make_spec(records=20, base_url=server.url)
        generate(spec, output)
        journal = tmp_path / "out.journal.jsonl"
        content = journal.read_bytes()
        journal.write_bytes(content[:-30])
        output.write_text("half a li", encoding="utf8")
        end, _ = generate(spec, output)
    assert end == "done"
    assert_good(output, server, 20)


def test_a_finished_run_asks_nothing_more(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        spec = make_spec(records=10, base_url=server.url)
        generate(spec, tmp_path / "out.jsonl")
        before = (tmp_path / "out.jsonl").read_bytes()
        asked = len(server.requests)
        end, _ = generate(spec, tmp_path / "out.jsonl")
        assert (end, len(server.requests)) == ("done", asked)
        assert (tmp_path / "out.jsonl").read_bytes() == before
        generate(spec.model_copy(update={"records": 14}), tmp_path / "out.jsonl")
    assert_good(tmp_path / "out.jsonl", server, 14)


def test_another_spec_or_another_file_is_not_written_to(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        generate(make_spec(records=5, base_url=server.url), tmp_path / "out.jsonl")
        with pytest.raises(ReadError, match=r"was begun under another spec\. Only base_url, per_request, records may change"):
            generate(make_spec(records=5, base_url=server.url, seed=1), tmp_path / "out.jsonl")
        (tmp_path / "mine.jsonl").write_text("{}\n", encoding="utf8")
        with pytest.raises(ReadError, match="exists, but was not written by `generate`"):
            generate(make_spec(records=5, base_url=server.url), tmp_path / "mine.jsonl")


def test_requests_run_side_by_side_and_no_more_than_allowed(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server(latency=0.05) as server:
        generate(make_spec(records=40, per_request=1, base_url=server.url), tmp_path / "out.jsonl", Limits(concurrency=4))
    assert server.most_busy == 4


def test_quotas_are_filled(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        _, summary = generate(make_spec(records=200, base_url=server.url), tmp_path / "out.jsonl")
    found = {(kind, value): (number, wanted) for kind, value, number, wanted in summary["quotas"]}
    for key_ in [("intent", "cancel"), ("label", "DATE"), ("label", "NAME"), ("labels", "none"), ("length", "short")]:
        number, wanted = found[key_]
        assert abs(number - wanted) <= 0.1 * wanted + 3, key_


# Ends


def test_a_budget_of_requests_ends_a_run_that_can_go_on(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        spec = make_spec(records=50, base_url=server.url)
        end, summary = generate(spec, tmp_path / "out.jsonl", Limits(concurrency=4, requests=3))
        assert (end, len(server.requests), summary["records"]) == ("requests", 3, 15)
        end, _ = generate(spec, tmp_path / "out.jsonl")
    assert end == "done"
    assert_good(tmp_path / "out.jsonl", server, 50)


def test_a_budget_of_cost_is_not_exceeded(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with Server() as server:
        spec = make_spec(records=500, base_url=server.url)
        end, summary = generate(spec, tmp_path / "out.jsonl", Limits(concurrency=1, cost=0.01))
    assert end == "cost"
    assert 0.007 < summary["cost"] <= 0.0105


def test_a_cost_without_a_price_is_refused(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"no price is known for 'my-llama'. Name one with --prices"):
        generate(make_spec(model="my-llama"), tmp_path / "out.jsonl", Limits(cost=1.0))


@pytest.mark.parametrize(
    ("kind", "end"),
    [("no_credit", "credit"), ("server_error", "down"), ("refusal", "stalled"), ("empty", "stalled")],
)
def test_an_endpoint_that_does_not_help_ends_the_run(kind: str, end: str, key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    def script() -> Any:
        while True:
            yield kind

    with Server(script()) as server:
        found, summary = generate(make_spec(records=50, base_url=server.url), tmp_path / "out.jsonl", options=ONCE)
    assert found == end
    assert summary["records"] == 0
    assert summary["last_error"] or summary["last_reason"]


def test_nobody_answers(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    end, summary = generate(make_spec(base_url="http://127.0.0.1:9/v1"), tmp_path / "out.jsonl", Limits(concurrency=1), ONCE)
    assert end == "down"
    assert "No answer after 1 tries: APIConnectionError" in summary["last_error"]


def test_the_key_is_nowhere(
    make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, caplog: Any
) -> None:
    secret = "sk-very-secret-0123456789"
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={secret}\n", encoding="utf8")
    caplog.set_level("DEBUG")
    with Server() as server:
        end, summary = generate(make_spec(records=5, base_url=server.url), tmp_path / "refused.jsonl")
        assert end == "key"
        assert "401" in summary["last_error"] and secret not in repr(summary)
        server.key = secret
        assert generate(make_spec(records=5, base_url=server.url), tmp_path / "taken.jsonl")[0] == "done"
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != ".env"]
    assert len(written) >= 6
    assert not any(secret.encode() in path.read_bytes() for path in written)
    assert secret not in "".join(capfd.readouterr()) and secret not in caplog.text


def test_an_endpoint_without_structured_output_is_asked_plainly(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    for structures in (("json_object",), ()):
        with Server(flawless(), structures=structures) as server:
            output = tmp_path / f"out{len(structures)}.jsonl"
            assert generate(make_spec(records=10, base_url=server.url), output)[0] == "done"
        kinds = {request.get("response_format", {}).get("type") for request in server.requests}
        assert kinds == ({"json_object"} if structures else {None})


def test_a_journal_of_an_earlier_version_is_resumed(key: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    output, journal = tmp_path / "out.jsonl", tmp_path / "out.journal.jsonl"
    with Server() as server:
        spec = make_spec(records=30, base_url=server.url)
        generate(spec, output, Limits(requests=3))
        before = output.read_bytes()
        entries = lines(journal)
        for entry in entries:
            if "job" in entry:
                entry["job"]["briefs"] = entry["job"].pop("record_requests")
        journal.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf8")
        end, _ = generate(spec, output)
        assert output.read_bytes().startswith(before)
    assert end == "done"
    assert len(server.requests) == 6
    assert_good(output, server, 30)
