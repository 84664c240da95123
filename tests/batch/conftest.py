import json
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator

import pytest
import spacy

from spacy_slm_ner.batch.annotate_shard import annotate_shard
from spacy_slm_ner.batch.manifest import Manifest, begin_manifest
from spacy_slm_ner.batch.outputs import OF_DOCS, format_of
from spacy_slm_ner.batch.run import BatchJob, folder_of
from spacy_slm_ner.batch.settings import BatchSettings, WorkerSpec
from spacy_slm_ner.batch.shard_files import ShardHeader
from spacy_slm_ner.batch.tasks import Task
from spacy_slm_ner.documents.document import Document

# A component that ends its process at some texts, fails at others, and sleeps at others, as a package brings it.
FRAGILE = """
import os, signal
from spacy.language import Language

class Fragile:
    def __call__(self, doc):
        if "KILL" in doc.text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "FAIL" in doc.text:
            raise ValueError("no such word")
        return doc

@Language.factory("fragile")
def make_fragile(nlp, name):
    return Fragile()
"""


class Inline:
    """An engine that works in this process, and may break down after some shards."""

    def __init__(self, spec: WorkerSpec, shards: int = 10**9) -> None:
        self.spec = spec
        self.shards = shards

    def run(self, tasks: Iterable[Task]) -> Iterator[ShardHeader]:
        for number, task in enumerate(tasks):
            if number == self.shards:
                raise KeyboardInterrupt
            yield annotate_shard(task, self.spec)


@pytest.fixture(scope="session")
def ruler(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A pipeline that knows a few entities."""
    nlp = spacy.blank("en")
    patterns = [{"label": "NAME", "pattern": name} for name in ("Ada Quill", "Bo", "😀 Zoë")]
    nlp.add_pipe("entity_ruler").add_patterns([*patterns, {"label": "JOB TITLE", "pattern": "clerk"}])  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("models") / "ruler"
    nlp.to_disk(folder)
    return str(folder)


@pytest.fixture
def fragile(ruler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same pipeline, with a component that kills; processes that are spawned find it."""
    site = tmp_path / "site"
    (site / "fragile-1.0.dist-info").mkdir(parents=True)
    (site / "fragile_component.py").write_text(FRAGILE)
    (site / "fragile-1.0.dist-info" / "METADATA").write_text("Name: fragile\nVersion: 1.0\n")
    entry = "[spacy_factories]\nfragile = fragile_component:make_fragile\n"
    (site / "fragile-1.0.dist-info" / "entry_points.txt").write_text(entry)
    monkeypatch.syspath_prepend(site)
    import fragile_component  # noqa: F401

    nlp = spacy.load(ruler)
    nlp.add_pipe("fragile")
    nlp.to_disk(tmp_path / "fragile")
    return str(tmp_path / "fragile")


@pytest.fixture
def make_documents() -> Callable[..., list[Document]]:
    return lambda texts: [Document("in.jsonl", n, f"id{n}", text, {"n": n}) for n, text in enumerate(texts, 1)]


@pytest.fixture
def work(ruler: str, tmp_path: Path) -> Callable[..., Manifest]:
    """Runs a job; `breaks` ends it after so many shards."""

    def run(
        documents: Iterable[Document], output: str = "out.jsonl", breaks: int = 10**9, digest: str = "1", **given: Any
    ) -> Manifest:
        path = tmp_path / output
        settings = BatchSettings(**{"shard_rows": 2, "docs": format_of(path) in OF_DOCS, **given})
        job = BatchJob(path, format_of(path), settings, begin_manifest(ruler, digest, settings._asdict(), ["in.jsonl"]))
        return job.run(documents, Inline(WorkerSpec(ruler, "1", folder_of(path), settings), breaks))

    return run


@pytest.fixture
def lines(tmp_path: Path) -> Callable[[str], list[dict[str, Any]]]:
    return lambda name: [json.loads(line) for line in (tmp_path / name).read_text(encoding="utf8").split("\n") if line]
