"""Workers of this machine that die."""

import multiprocessing
from pathlib import Path
from typing import Any, Callable

import pytest

from spacy_slm_ner.batch.local_engine import LocalEngine
from spacy_slm_ner.batch.manifest import begin_manifest
from spacy_slm_ner.batch.run import BatchJob, folder_of
from spacy_slm_ner.batch.settings import BatchSettings, WorkerSpec
from spacy_slm_ner.errors import BatchError

TEXTS = [f"Bo is number {n}." for n in range(12)]
SETTINGS = BatchSettings(shard_rows=3)


@pytest.fixture
def annotate(tmp_path: Path, make_documents: Callable) -> Callable[..., Any]:
    def run(texts: list[str], model: str, watch: Any = lambda rows, errors: None, workers: int = 1) -> Any:
        output = tmp_path / "out.jsonl"
        job = BatchJob(output, "jsonl", SETTINGS, begin_manifest(model, "1", {}, []))
        return job.run(make_documents(texts), LocalEngine(WorkerSpec(model, "1", folder_of(output), SETTINGS), workers), watch)

    return run


def test_a_text_that_kills_costs_itself_alone(annotate: Callable, fragile: str, lines: Callable) -> None:
    """It kills twice with its shard and twice alone; one that fails is an error at once."""
    texts = [*TEXTS[:4], "KILL Bo", *TEXTS[5:8], "FAIL Bo", *TEXTS[9:]]
    manifest = annotate(texts, fragile)
    assert manifest["errors"] == {"failed": 1, "worker_died": 1}
    assert [row["number"] for row in lines("out.jsonl")] == [1, 2, 3, 4, 6, 7, 8, 10, 11, 12]
    assert [(row["number"], row["error"], row["reason"]) for row in lines("out.jsonl.errors.jsonl")] == [
        (5, "worker_died", "workers died twice while they read it alone"),
        (9, "failed", "fragile: ValueError: no such word"),
    ]


def test_workers_that_others_kill_change_nothing(
    annotate: Callable, ruler: str, work: Any, make_documents: Callable, tmp_path: Path
) -> None:
    killed = []

    def kill(rows: int, errors: int) -> None:
        if len(killed) < 2:
            victim = multiprocessing.active_children()[0]
            victim.kill()
            killed.append(victim)

    annotate(TEXTS, ruler, kill, workers=2)
    work(make_documents(TEXTS), "whole.jsonl", shard_rows=3)
    assert len(killed) == 2
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert multiprocessing.active_children() == []


def test_a_pipeline_that_cannot_be_loaded_ends_the_job(annotate: Callable, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="Cannot load the pipeline"):
        annotate(TEXTS, str(tmp_path / "none"))
