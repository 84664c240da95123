import asyncio
import json
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from batch_server import BatchServer
from scripted_server import Raw, faulty
from test_synthesis_run import assert_good, lines

from spacy_slm_ner.endpoints.endpoint import RequestOptions
from spacy_slm_ner.endpoints.prices import Price
from spacy_slm_ner.synthesis import batch_run
from spacy_slm_ner.synthesis.batch_api import BatchApi
from spacy_slm_ner.synthesis.record_endpoint import RecordEndpoint
from spacy_slm_ner.synthesis.run import Limits, Run
from spacy_slm_ner.synthesis.spec import Spec

MakeSpec = Callable[..., Spec]
PRICE = Price(input=1.0, output=1.0)


class Killed(BaseException):
    """As if the process had ended."""


def run_batches(spec: Spec, output: Path) -> tuple[str, Run]:
    async def ask(run: Run) -> str:
        endpoint = RecordEndpoint(spec, "sk-right", RequestOptions(retries=0))
        try:
            return await batch_run.ask_batches(run, endpoint, Limits(), pause=0.0)
        finally:
            await endpoint.close()

    run = Run(spec, output, spacy.blank("en"), PRICE)
    try:
        return asyncio.run(ask(run)), run
    finally:
        run.close()


def test_batches_go_on_until_all_records_are_there(make_spec: Callable[..., Spec], tmp_path: Path) -> None:
    with BatchServer(faulty(0.3)) as server:
        end, run = run_batches(make_spec(records=200, base_url=server.url), tmp_path / "out.jsonl")
    assert end == "done"
    assert_good(tmp_path / "out.jsonl", server, 200)
    assert len(server.batches) > 1
    assert run.paid == pytest.approx(0.5 * PRICE.cost(run.usage))


@pytest.mark.parametrize("moment", ["find_batch", "create_batch", "collect", "store"])
def test_a_killed_batch_is_gone_on_with(
    moment: str, make_spec: Callable[..., Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is sent, after it is sent, while it is waited for, and after its answers are stored."""
    with BatchServer() as server:
        spec = make_spec(records=60, base_url=server.url)
        with monkeypatch.context() as patched:
            target: Any = {"store": Run, "collect": batch_run}.get(moment, BatchApi)
            original = getattr(target, moment)

            def killing(*args: Any) -> Any:
                if moment == "store":
                    original(*args)
                    raise Killed

                async def go() -> Any:
                    if moment == "create_batch":
                        await original(*args)
                    raise Killed

                return go()

            patched.setattr(target, moment, killing)
            with pytest.raises(Killed):
                run_batches(spec, tmp_path / "out.jsonl")
        end, _ = run_batches(spec, tmp_path / "out.jsonl")
    assert end == "done"
    assert len(server.batches) == 1
    assert_good(tmp_path / "out.jsonl", server, 60)


def test_a_batch_without_answers_ends_the_run(make_spec: Callable[..., Spec], tmp_path: Path) -> None:
    def script() -> Any:
        while True:
            yield "server_error"

    with BatchServer(script()) as server:
        end, run = run_batches(make_spec(records=10, base_url=server.url), tmp_path / "out.jsonl")
    assert end == "request"
    assert "brought no answer" in run.last_error


# Failed batches


def journal_of(output: Path) -> list[dict[str, Any]]:
    return lines(output.with_name(f"{output.stem}.journal.jsonl"))


LIMIT = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached for gpt-4.1-mini in organization org-1."}


@pytest.mark.parametrize(
    "fate",
    [
        {"status": "expired", "answered": 0},
        {"status": "cancelled", "answered": 0},
        {"status": "failed", "answered": 0, "errors": {"data": [{"code": "invalid_json_line", "message": "JsonLine 1 is bad"}]}},
        {"output_file_id": "file-none"},
        {"output_file_id": None, "request_counts": {"completed": 3, "failed": 0, "total": 3}},
    ],
    ids=["expired", "cancelled", "failed", "file-gone", "file-never-there"],
)
def test_a_dead_batch_is_written_off_and_asked_again(fate: dict[str, Any], make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with BatchServer(fates=[fate], gone={"file-none"}, looks=1) as server:
        end, _ = run_batches(make_spec(records=20, base_url=server.url), output)
    assert end == "done"
    assert_good(output, server, 20)
    assert len(server.batches) == 2
    written_off = [entry for entry in journal_of(output) if entry["kind"] == "written_off"]
    assert len(written_off) == 1 and "batch-0" in written_off[0]["reason"]


def test_partial_answers_of_an_expired_batch_are_taken(make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with BatchServer(fates=[{"status": "expired", "answered": 3}], looks=1) as server:
        end, _ = run_batches(make_spec(records=20, base_url=server.url), output)
    assert end == "done"
    assert_good(output, server, 20)
    assert [len(server.files[batch["input_file_id"]].split("\n")) for batch in server.batches.values()] == [4, 1]


def test_a_journal_of_a_version_before_goes_on_from_a_dead_batch(make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with BatchServer(fates=[{"status": "failed", "answered": 0}], looks=1) as server:
        spec = make_spec(records=20, base_url=server.url)
        run_batches(spec, output)
        kept = [entry for entry in journal_of(output) if entry["kind"] in ("start", "batch", "created")][:3]
        kept[2].pop("address")
        (tmp_path / "out.journal.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        assert run_batches(spec, output)[0] == "done"
        assert run_batches(spec, output)[0] == "done"
    assert len(server.batches) == 3


def test_a_batch_that_the_endpoint_forgot_is_written_off(make_spec: MakeSpec, tmp_path: Path) -> None:
    with BatchServer(looks=1) as server:
        spec = make_spec(records=20, base_url=server.url)
        server.gone = {"batch-0"}
        end, _ = run_batches(spec, tmp_path / "out.jsonl")
        assert end == "done" and len(server.batches) == 2


def test_a_batch_of_another_address_is_not_written_off(make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with BatchServer() as server, BatchServer(gone={"batch-0"}) as other:
        run_batches(make_spec(records=20, base_url=server.url), output)
        journal = tmp_path / "out.journal.jsonl"
        kept = [entry for entry in journal_of(output) if entry["kind"] in ("start", "batch", "created")]
        journal.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        end, run = run_batches(make_spec(records=20, base_url=other.url), output)
        assert end == "request" and f"was begun at {server.url}" in run.last_error
        assert run_batches(make_spec(records=20, base_url=server.url), output)[0] == "done"
    assert len(server.batches) == 1


def test_batches_that_die_one_after_the_other_end_the_run(make_spec: MakeSpec, tmp_path: Path) -> None:
    errors = {"data": [{"code": "model_not_found", "message": "The model `gpt-5-nope` does not exist."}]}
    with BatchServer(fates=[{"status": "failed", "answered": 0, "errors": errors}] * 9, looks=1) as server:
        spec = make_spec(records=20, base_url=server.url)
        end, run = run_batches(spec, tmp_path / "out.jsonl")
        assert (end, len(server.batches)) == ("request", 2)
        assert "2 batches in a row died" in run.last_error and "The model `gpt-5-nope` does not exist." in run.last_error
        server.fates = []
        assert run_batches(make_spec(records=20, base_url=server.url, model="gpt-4.1-mini"), tmp_path / "out.jsonl")[0] == "done"


@pytest.mark.parametrize(
    ("refusal", "end", "said"),
    [
        (Raw(429, {"error": LIMIT}), "request", "Enqueued token limit reached"),
        (Raw(400, {"error": LIMIT}), "request", "--max-requests"),
        (
            Raw(400, {"error": {"code": "billing_hard_limit_reached", "message": "Billing hard limit reached"}}),
            "credit",
            "goes on",
        ),
        (Raw(429, {"error": {"code": "insufficient_quota", "message": "No quota"}}), "credit", "no credit left"),
        (Raw(400, {"error": {"message": "The model x is not supported by the Batch API"}}), "request", "not supported"),
    ],
)
def test_a_batch_that_is_refused_at_once(refusal: Raw, end: str, said: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    with BatchServer(refusals=[refusal]) as server:
        found, run = run_batches(make_spec(records=20, base_url=server.url), tmp_path / "out.jsonl")
        assert (found, server.batches) == (end, {})
        assert said in run.last_error
        changed = make_spec(records=20, base_url=server.url, domain="Corrected")
        assert run_batches(changed, tmp_path / "out.jsonl")[0] == "done"


def test_a_batch_that_fails_for_its_size_ends_the_run_at_once(make_spec: MakeSpec, tmp_path: Path) -> None:
    with BatchServer(fates=[{"status": "failed", "answered": 0, "errors": {"data": [LIMIT]}}], looks=1) as server:
        spec = make_spec(records=20, base_url=server.url)
        end, run = run_batches(spec, tmp_path / "out.jsonl")
        assert (end, len(server.batches)) == ("request", 1)
        assert "Enqueued token limit reached" in run.last_error and "Wait until other batches are done" in run.last_error
        assert run_batches(spec, tmp_path / "out.jsonl")[0] == "done"


def test_filtered_requests_of_a_batch_are_set_aside(make_spec: MakeSpec, tmp_path: Path) -> None:
    filtered = Raw(400, {"error": {"code": "content_filter", "message": "The prompt was filtered"}})
    with BatchServer(iter([filtered, *["good"] * 99]), looks=1) as server:
        end, _ = run_batches(make_spec(records=20, base_url=server.url), tmp_path / "out.jsonl")
    assert end == "done"
    assert [entry["kind"] for entry in journal_of(tmp_path / "out.jsonl")].count("filtered") == 1


def test_a_batch_without_schema_is_asked_again_without(make_spec: MakeSpec, tmp_path: Path) -> None:
    unknown = Raw(400, {"error": {"message": "'response_format' of type 'json_schema' is not supported with this model."}})
    with BatchServer(iter([unknown] * 4 + ["good"] * 99), looks=1) as server:
        end, _ = run_batches(make_spec(records=20, base_url=server.url), tmp_path / "out.jsonl")
    assert end == "done"
    assert server.requests[-1]["response_format"] == {"type": "json_object"}


# Result files


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\r"], ids=ascii)
def test_a_line_ends_at_a_line_feed_only(mark: str, make_spec: MakeSpec, tmp_path: Path) -> None:
    def spoil(content: str) -> str:
        return content.replace('\\"text\\": \\"', f'\\"text\\": \\"{mark}') + "\r\n"

    with BatchServer(looks=1, spoil=spoil) as server:
        end, _ = run_batches(make_spec(records=20, base_url=server.url), tmp_path / "out.jsonl")
    assert end == "done"
    assert len(server.batches) == 1
    assert len(lines(tmp_path / "out.jsonl")) == 20


@pytest.mark.parametrize(
    ("spoil", "unread"),
    [
        (lambda content: content.replace("{", "?", 1), 1),
        (lambda content: content[:-40], 1),
        (lambda content: '[1]\n"x"\n\n' + content, 2),
        (lambda content: '{"custom_id": "request-99", "response": {}}\n' + content, 1),
        (lambda content: content.replace('"body": {', '"body": "<html>", "x": {', 1), 1),
    ],
    ids=["no-json", "cut-off", "no-object", "stranger", "page"],
)
def test_an_unreadable_line_costs_itself_only(spoil: Any, unread: int, make_spec: MakeSpec, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with BatchServer(looks=1, spoil=spoil) as server:
        spec = make_spec(records=20, base_url=server.url)
        assert run_batches(spec, output)[0] == "done"
    assert len(lines(output)) == 20
    before = (tmp_path / "out.rejected.jsonl").read_bytes()
    rejects = [reject for reject in lines(tmp_path / "out.rejected.jsonl") if "of the batch's results" in reject["reasons"][0]]
    assert len(rejects) >= unread and all(reject["answer"] for reject in rejects)
    assert run_batches(spec, output)[0] == "done"
    assert (tmp_path / "out.rejected.jsonl").read_bytes() == before


@pytest.mark.parametrize("moment", ["set_aside", "lose"])
def test_a_kill_between_two_entries_doubles_nothing(
    moment: str, make_spec: MakeSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered = Raw(400, {"error": {"code": "content_filter", "message": "The prompt was filtered"}})
    with BatchServer(iter([filtered, *["good"] * 99]), looks=1, spoil=lambda content: "?\n" + content) as server:
        spec = make_spec(records=20, base_url=server.url)
        with monkeypatch.context() as patched:

            def killing(self: Run, *args: Any) -> None:
                raise Killed

            patched.setattr(Run, moment, killing)
            with pytest.raises(Killed):
                run_batches(spec, tmp_path / "out.jsonl")
        assert run_batches(spec, tmp_path / "out.jsonl")[0] == "done"
    assert_good(tmp_path / "out.jsonl", server, 20)
    kinds = [entry["kind"] for entry in journal_of(tmp_path / "out.jsonl")]
    assert kinds.count("filtered") == 1


@pytest.mark.parametrize("page", [Raw(200, "<html><title>Log in</title></html>", "text/html"), Raw(200, ""), Raw(200, '"x"')])
def test_a_page_in_place_of_a_batch(page: Raw, make_spec: MakeSpec, tmp_path: Path) -> None:
    with BatchServer(refusals=[page]) as server:
        end, run = run_batches(make_spec(records=20, base_url=server.url), tmp_path / "out.jsonl")
    assert end in ("request", "down") and "Check `base_url`" in run.last_error
