"""Runs against a scripted endpoint: each text has one record or one row, and no answer is paid twice."""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from name_server import NameServer, lines
from scripted_server import AZURE, Raw, Said, error

from spacy_slm_ner.cli.label import LabelSettings, label
from spacy_slm_ner.endpoints.answer_cache import AnswerCache
from spacy_slm_ner.errors import ReadError

MANY = [f"Ada Quill met Bo at number {number}." for number in range(300)]
FAST = "concurrency = 8"


def words(record: dict[str, Any]) -> list[tuple[str, str]]:
    return [(entry["word"], entry["label"]) for entry in record["labels"]]


def test_every_text_has_a_record_or_a_row(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    texts = [
        "Bo left.",
        "Nobody came.",
        "",
        " \t",
        "Ana fell.",
        "Ana rose.",
        "Ana\r\nBo",
        "Bo left.",
        "a \ud83d b",
        "x" * 1_000_001,
    ]
    server.faults = {"Ana fell.": "refusal", "Ana rose.": Raw(400, AZURE)}
    ending, summary = label([write_texts(texts)], tmp_path / "out.jsonl", write_config(server.url))
    assert (ending.end, summary["texts"], summary["records"], summary["problems"]) == ("done", 10, 4, 6)
    records, rows = lines(tmp_path / "out.jsonl"), lines(tmp_path / "out.problems.jsonl")
    assert [(one["text"], words(one)) for one in records] == [
        ("Bo left.", [("Bo", "B-NAME")]),
        ("Nobody came.", []),
        ("Ana\r\nBo", [("Ana", "B-NAME"), ("Bo", "B-NAME")]),
        ("Bo left.", [("Bo", "B-NAME")]),
    ]
    assert all(one["model"].startswith("gpt-4.1-mini in en_pipeline-0.0.0 (") for one in records)
    said = {row["number"]: row["problems"][0] for row in rows}
    assert list(said) == [3, 4, 5, 6, 9, 10]
    assert said[3] == said[4] == "the text is empty"
    assert "refused: I cannot help" in said[5] and "content management policy" in said[6]
    assert "half a character (a lone surrogate)" in said[9] and "1,000,001 characters" in said[10]
    assert server.asked.count("Bo left.") == 1


def test_the_same_command_goes_on_and_asks_nothing_again(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    config, output = write_config(server.url), tmp_path / "out.jsonl"
    label([write_texts(MANY[:70])], output, config)
    before = output.read_bytes()
    label([write_texts(MANY[:70])], output, config)
    assert (output.read_bytes(), len(server.requests)) == (before, 70)
    output.write_text("half a li", encoding="utf8")
    journal = tmp_path / "out.journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])
    label([write_texts(MANY[:75]), write_texts(["Ana."], "more.jsonl")], output, write_config(server.url, "concurrency = 2"))
    assert [one["text"] for one in lines(output)] == [*MANY[:75], "Ana."]
    assert sorted(server.asked) == sorted([*MANY[:75], "Ana."])


def kill_at_random(work: Callable[[], object], rng: random.Random, longest: float) -> bool:
    """Do some work in a process that is killed. RETURNS (bool): Whether it was killed before it ended."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    time.sleep(rng.uniform(0.1, longest))
    os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_kill_9_loses_and_doubles_nothing_and_nothing_is_paid_twice(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    """Whatever is in the cache is never asked for again; what is on its way when the process is killed has to be."""
    server.latency, rng, killed = 0.05, random.Random(5), 0
    texts, output = write_texts(MANY), tmp_path / "out.jsonl"
    config, cache = write_config(server.url, FAST), AnswerCache(tmp_path / "out.answers.sqlite")
    for _ in range(5):
        killed += kill_at_random(lambda: label([texts], output, config), rng, 0.9)
        time.sleep(0.1)
        asked, answers = len(server.requests), len(cache.find_all())
        assert answers <= len(set(server.asked)) and asked - answers <= 8 * killed
    assert killed == 5
    ending, summary = label([texts], output, config)
    assert len(server.requests) - asked == len(MANY) - answers
    assert ending.end == "done"
    assert [one["text"] for one in lines(output)] == MANY
    assert all(words(one) == [("Ada", "B-NAME"), ("Quill", "I-NAME"), ("Bo", "B-NAME")] for one in lines(output))
    assert lines(tmp_path / "out.problems.jsonl") == []
    # The bill is that of one answer for each text.
    usage = [reply.usage for reply in cache.find_all().values()]
    assert len(usage) == len(MANY)
    assert summary["cost"] == pytest.approx(sum(0.4 * one.prompt + 1.6 * one.completion for one in usage) / 1e6)


def test_the_limit_of_cost_stops_a_run_that_can_go_on(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    few = MANY[:70]
    texts, output, config = write_texts(few), tmp_path / "out.jsonl", write_config(server.url, "concurrency = 1")
    limited = LabelSettings(max_cost=0.0005)
    ending, summary = label([texts], output, config, limited)
    assert ending.end == "cost" and "of $0.0005 are paid" in ending.reason
    assert 0.0004 < summary["cost"] <= 0.0005
    assert 0 < len(lines(output)) == summary["records"] < len(few)
    assert len(server.requests) == summary["records"]
    # The limit counts what was paid before.
    ending, again = label([texts], output, config, limited)
    assert (ending.end, again["cost"]) == ("cost", pytest.approx(summary["cost"]))
    ending, _ = label([texts], output, config, LabelSettings(max_cost=1.0))
    assert ending.end == "done" and len(server.requests) == len(few)
    assert [one["text"] for one in lines(output)] == few


def test_nothing_is_asked_for_no_money(server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path) -> None:
    ending, _ = label([write_texts(MANY)], tmp_path / "out.jsonl", write_config(server.url), LabelSettings(max_cost=0.0))
    assert (ending.end, server.requests) == ("cost", [])


@pytest.mark.parametrize(
    ("fault", "end"),
    [
        pytest.param(Raw(401, error("wrong")), "key", id="key"),
        pytest.param("no_credit", "credit", id="credit"),
        pytest.param(Raw(404, error("model not found")), "request", id="model"),
        pytest.param("server_error", "down", id="down"),
        pytest.param("refusal", "stalled", id="refusals"),
    ],
)
def test_an_endpoint_that_does_not_help_ends_the_run(
    fault: Any, end: str, server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    server.faults = dict.fromkeys(MANY, fault)
    texts, output, config = write_texts(MANY[:70]), tmp_path / "out.jsonl", write_config(server.url)
    ending, summary = label([texts], output, config)
    assert (ending.end, summary["records"]) == (end, 0)
    assert ending.reason
    assert summary["problems"] == (64 if end == "stalled" else 0)
    server.faults = {}
    assert label([texts], output, config)[0].end == "done"
    assert len(lines(output)) + len(lines(tmp_path / "out.problems.jsonl")) == 70


def test_passes_vote(server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path) -> None:
    """The endpoint names Bo in two of three passes, and Ana in one."""
    said = {5: "NAME: Bo\nNAME: Ana\n", 6: "NAME: Bo\n", 7: ""}

    def next_kind(body: dict[str, Any]) -> Said:
        server.requests.append(body)
        return Said(said[body["seed"]])

    server.next_kind = next_kind  # type: ignore[method-assign]
    config = write_config(server.url, "temperature = 0.7\nseed = 5")
    label([write_texts(["Bo and Ana."])], tmp_path / "out.jsonl", config, LabelSettings(passes=3))
    (record,) = lines(tmp_path / "out.jsonl")
    assert record["labels"] == [{"word": "Bo", "label": "B-NAME", "score": 0.6667}]
    assert sorted(body["seed"] for body in server.requests) == [5, 6, 7]
    assert record["model"].endswith(", 3 passes")


def test_what_changes_the_result_is_refused(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    texts, output, config = write_texts(MANY[:3]), tmp_path / "out.jsonl", write_config(server.url)
    label([texts], output, config)
    with pytest.raises(ReadError, match=r"--min-score was 0\.0, is 0\.5"):
        label([texts], output, config, LabelSettings(min_score=0.5))
    with pytest.raises(ReadError, match="--model was"):
        label([texts], output, write_config(server.url, "temperature = 0.1", "other.cfg"))
    with pytest.raises(ReadError, match=r"text 3 of .*texts\.jsonl is gone"):
        label([write_texts(MANY[:2])], output, config)
    with pytest.raises(ReadError, match=r"text 2 of .*texts\.jsonl is another text"):
        label([write_texts([MANY[0], "Ana", MANY[2]])], output, config)
    with pytest.raises(ReadError, match="twice"):
        label([texts, texts], tmp_path / "new.jsonl", config)
    with pytest.raises(ReadError, match="exists, but was not written by `label`"):
        label([texts], write_texts(["mine"], "mine.jsonl"), config)
    assert len(server.requests) == 3


def test_settings_may_be_corrected_until_there_is_a_result(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    texts, output = write_texts(MANY[:3]), tmp_path / "out.jsonl"
    assert label([texts], output, write_config("http://127.0.0.1:9/v1"))[0].end == "down"
    assert label([texts], output, write_config(server.url))[0].end == "done"


def test_a_run_over_a_cache_of_the_config_pays_for_its_own_answers_alone(
    server: NameServer, write_config: Callable, write_texts: Callable, tmp_path: Path
) -> None:
    config = write_config(server.url, f'cache = "{tmp_path}/mine.sqlite"')
    _, first = label([write_texts(MANY[:10])], tmp_path / "first.jsonl", config)
    _, second = label([write_texts(MANY[5:15], "other.jsonl")], tmp_path / "second.jsonl", config)
    assert len(server.requests) == 15
    assert second["cost"] == pytest.approx(first["cost"] / 2, rel=0.1)
    assert not (tmp_path / "first.answers.sqlite").exists()
