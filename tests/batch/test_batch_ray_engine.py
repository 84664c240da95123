"""Workers of Ray, of which one is killed."""

from pathlib import Path
from typing import Any, Callable, Iterator

import psutil
import pytest

from spacy_slm_ner.batch.manifest import begin_manifest
from spacy_slm_ner.batch.ray_engine import RayEngine
from spacy_slm_ner.batch.run import BatchJob, folder_of
from spacy_slm_ner.batch.settings import BatchSettings, WorkerSpec
from spacy_slm_ner.batch.tables import TableAnnotator
from spacy_slm_ner.errors import BatchError

TEXTS = [f"Bo is number {n}." for n in range(12)]
SETTINGS = BatchSettings(shard_rows=2)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray with two workers."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20)
    yield ray
    ray.shutdown()


def ray_workers() -> list[psutil.Process]:
    """The processes that run tasks of a shard."""
    below = psutil.Process().children(recursive=True)
    return [one for one in below if "ray::annotate_shard" in " ".join(one.cmdline())]


def test_a_worker_that_is_killed_changes_nothing(
    ray: Any, ruler: str, work: Any, make_documents: Callable, tmp_path: Path
) -> None:
    killed: list[int] = []

    def kill(rows: int, errors: int) -> None:
        for one in ray_workers()[:1] if not killed else []:
            killed.append(one.pid)
            one.kill()

    output = tmp_path / "out.jsonl"
    job = BatchJob(output, "jsonl", SETTINGS, begin_manifest(ruler, "1", {}, []))
    job.run(make_documents(TEXTS), RayEngine(WorkerSpec(ruler, "1", folder_of(output), SETTINGS), 2), kill)
    work(make_documents(TEXTS), "whole.jsonl")
    assert len(killed) == 1
    assert output.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_pipeline_that_cannot_be_loaded_ends_the_job(ray: Any, make_documents: Callable, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    job = BatchJob(output, "jsonl", SETTINGS, begin_manifest("none", "1", {}, []))
    with pytest.raises(BatchError, match="Cannot load the pipeline"):
        job.run(make_documents(TEXTS), RayEngine(WorkerSpec(str(tmp_path / "none"), "1", folder_of(output), SETTINGS), 2))


def test_ray_data_takes_the_annotator(ray: Any, ruler: str) -> None:
    pytest.importorskip("ray.data")
    dataset = ray.data.from_items([{"text": text} for text in TEXTS])
    annotated = dataset.map_batches(TableAnnotator, fn_constructor_args=[ruler], batch_format="pyarrow", concurrency=1)
    rows = annotated.take_all()
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert all([one["text"] for one in row["entities"]] == ["Bo"] for row in rows)
