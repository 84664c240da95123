"""Settings of a batch job."""

from pathlib import Path
from typing import Literal, NamedTuple, Optional

from ..alignment.offsets import Offsets

Long = Literal["window", "error"]
# Names that columns of the input cannot be kept under, as the output has its own.
RESERVED = ("file", "number", "id", "text", "intent", "entities", "problems", "offsets", "error", "reason", "labels")


class BatchSettings(NamedTuple):
    """All that decides on the result, beside the model and the input.

    keep (tuple[str, ...]): Columns of the input that the output has as well.
    shard_rows (int): Most rows of a shard.
    batch_size (Optional[int]): Texts that the pipeline reads at a time; None for its own.
    long (Long): What becomes of a text that is too long: "window" reads it in overlapping windows, "error" refuses it.
    max_length (Optional[int]): Most characters of a text that is read at once; None for the pipeline's.
    offsets (Offsets): What offsets count.
    docs (bool): Whether whole Docs are kept, for outputs that have tokens.
    """

    keep: tuple[str, ...] = ()
    shard_rows: int = 1000
    batch_size: Optional[int] = None
    long: Long = "window"
    max_length: Optional[int] = None
    offsets: Offsets = "codepoint"
    docs: bool = False


class WorkerSpec(NamedTuple):
    """What a worker has to know.

    model (str): Folder or package name of the pipeline.
    digest (str): Digest of its files.
    folder (Path): Where the results of shards go.
    settings (BatchSettings): The settings.
    gpu_id (int): Number of the GPU, -1 for the CPU.
    threads (int): Threads of torch; 0 to leave them as they are.
    """

    model: str
    digest: str
    folder: Path
    settings: BatchSettings
    gpu_id: int = -1
    threads: int = 0
