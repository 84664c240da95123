"""The work of a worker: a shard becomes a result on the disk."""

import sys
from collections import Counter
from functools import lru_cache, partial

import spacy

from ..errors import BatchError
from ..labelling.requirements import require_entities
from .rows import ColumnType, Row, join_types, type_of
from .settings import WorkerSpec
from .shard_annotator import ShardAnnotator
from .shard_files import ShardHeader, take_row_number, write_result, write_row_number
from .tasks import Task


def annotate_shard(task: Task, spec: WorkerSpec) -> ShardHeader:
    """Annotate a shard, and write its result as a whole.

    task (Task): The shard, and what is known about it.
    spec (WorkerSpec): The pipeline, which is loaded once in each process, and the settings.
    RETURNS (ShardHeader): Its counts.
    RAISES (SlmNerError): If the pipeline cannot be loaded, or an endpoint fails.
    """
    annotator, shard = load_annotator(spec), task.shard
    take_row_number(spec.folder, shard.number)
    note = partial(write_row_number, spec.folder, shard.number) if task.row_by_row else None
    rows, docs = annotator.annotate(shard.rows, task.given_up, note)
    take_row_number(spec.folder, shard.number)
    header = make_header(task, rows, spec)
    write_result(spec.folder, header, rows, docs)
    return header


def make_header(task: Task, rows: list[Row], spec: WorkerSpec) -> ShardHeader:
    types: dict[str, ColumnType] = {}
    for row in rows:
        for name in spec.settings.keep if "error" not in row else ():
            types[name] = join_types(types.get(name), type_of(row[name]))
    errors = Counter(row["error"] for row in rows if "error" in row)
    return ShardHeader(task.shard.number, task.shard.digest, len(rows), dict(errors), types)


@lru_cache(maxsize=1)
def load_annotator(spec: WorkerSpec) -> ShardAnnotator:
    """Load the pipeline.

    RAISES (BatchError): If it cannot be loaded, or there is no such GPU.
    """
    try:
        if spec.gpu_id >= 0:
            spacy.require_gpu(spec.gpu_id)
        if spec.threads and "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(spec.threads)
        nlp = spacy.load(spec.model)
    except (OSError, ValueError, ImportError) as error:
        raise BatchError(f"Cannot load the pipeline {spec.model!r}: {error}") from None
    require_entities(nlp, spec.model)
    return ShardAnnotator(nlp, spec.settings)
