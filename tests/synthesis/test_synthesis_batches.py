import asyncio
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from batch_server import BatchServer
from scripted_server import faulty
from test_synthesis_run import assert_good

from spacy_slm_ner.synthesis import batches
from spacy_slm_ner.synthesis.endpoint import Endpoint, Manners
from spacy_slm_ner.synthesis.prices import Price
from spacy_slm_ner.synthesis.run import Limits, Run
from spacy_slm_ner.synthesis.spec import Spec

PRICE = Price(input=1.0, output=1.0)


class Killed(BaseException):
    """As if the process had ended."""


def run_batches(spec: Spec, output: Path) -> tuple[str, Run]:
    async def ask(run: Run) -> str:
        endpoint = Endpoint(spec, "sk-right", Manners(retries=0))
        try:
            return await batches.ask_batches(run, endpoint, Limits(), pause=0.0)
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


@pytest.mark.parametrize("moment", ["find", "begin", "collect", "store"])
def test_a_killed_batch_is_gone_on_with(
    moment: str, make_spec: Callable[..., Spec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is sent, after it is sent, while it is waited for, and after its answers are stored."""
    with BatchServer() as server:
        spec = make_spec(records=60, base_url=server.url)
        with monkeypatch.context() as patched:
            target: Any = Run if moment == "store" else batches
            original = getattr(target, moment)

            def killing(*args: Any) -> Any:
                if moment == "store":
                    original(*args)
                    raise Killed

                async def go() -> Any:
                    if moment == "begin":
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
