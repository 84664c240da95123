"""A batch job: shards that have no result yet are annotated, then all results become one file."""

import hashlib
import shutil
from collections import Counter
from pathlib import Path
from typing import Callable, Iterable, Iterator, NamedTuple

from filelock import FileLock, Timeout

from ..documents.document import Document
from ..errors import ReadError
from .assemble import assemble, errors_of
from .engine import Engine
from .manifest import Manifest, check_same, end_manifest, manifest_of, read_manifest, write_manifest
from .outputs import OutputFormat
from .rows import ColumnType, join_types
from .settings import BatchSettings
from .shard_files import ShardHeader, read_header
from .shards import Shard, cut_shards
from .tasks import Task

# Called with the number of rows that have a result, and the number of errors among them.
Watch = Callable[[int, int], None]


class Progress:
    """What is known of the shards that have a result."""

    def __init__(self) -> None:
        self.shards = 0
        self.rows = 0
        self.errors: Counter[str] = Counter()
        self.types: dict[str, ColumnType] = {}

    def add(self, header: ShardHeader) -> None:
        """Count a shard."""
        self.shards += 1
        self.rows += header.rows
        self.errors.update(header.errors)
        self.types |= {name: join_types(self.types.get(name), type) for name, type in header.types.items()}


class BatchJob(NamedTuple):
    """A batch job.

    output (Path): Where the results go. Its errors, its manifest, and its shards while it runs, stand beside it.
    format (OutputFormat): Format of the output.
    settings (BatchSettings): The settings.
    manifest (Manifest): The manifest with which it begins.
    """

    output: Path
    format: OutputFormat
    settings: BatchSettings
    manifest: Manifest

    @property
    def folder(self) -> Path:
        """Where the results of shards are."""
        return folder_of(self.output)

    def run(self, documents: Iterable[Document], engine: Engine, watch: Watch = lambda rows, errors: None) -> Manifest:
        """Annotate all documents that have no result yet, and write the output.

        RETURNS (Manifest): The manifest, with all counts.
        RAISES (SlmNerError): If another process writes the output, the input or the settings were changed, or an engine fails.
        """
        self.output.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.output.with_name(f"{self.output.name}.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise ReadError(f"Another process writes {self.output}. Wait for it, or name another output.") from None
        try:
            before = self._begin()
            if before is not None:
                return self._check_complete(before, documents)
            return self._run(documents, engine, watch)
        finally:
            lock.release()

    def _begin(self) -> Manifest | None:
        """Check that the output can be written, or was. RETURNS (Manifest | None): Its manifest if it is complete."""
        before = read_manifest(self.output)
        if before is None and self.output.exists():
            raise ReadError(f"{self.output} is there, and no batch job wrote it. Move it away, or name another output.")
        begun = before is not None and (before["complete"] or any(self.folder.glob("[0-9]*.jsonl")))
        if before is not None and begun:
            check_same(before, self.manifest, self.output)
            if before["complete"] and self.output.exists():
                shutil.rmtree(self.folder, ignore_errors=True)
                return before
        self.folder.mkdir(exist_ok=True)
        write_manifest(self.output, self.manifest)
        return None

    def _check_complete(self, manifest: Manifest, documents: Iterable[Document]) -> Manifest:
        """Check that a complete output is that of the input."""
        digest = hashlib.sha256()
        for shard in self._shards(documents):
            digest.update(shard.digest.encode("ascii"))
        if digest.hexdigest()[:32] != manifest["input"]["digest"]:
            raise ReadError(f"{self.output} is complete, and of another input. Name another output, or move it away.")
        return manifest

    def _run(self, documents: Iterable[Document], engine: Engine, watch: Watch) -> Manifest:
        progress, digest = Progress(), hashlib.sha256()

        def tasks() -> Iterator[Task]:
            for shard in self._shards(documents):
                digest.update(shard.digest.encode("ascii"))
                header = self._result_of(shard)
                if header is None:
                    yield Task(shard)
                else:
                    progress.add(header)
                    watch(progress.rows, progress.errors.total())

        for header in engine.run(tasks()):
            progress.add(header)
            watch(progress.rows, progress.errors.total())
        self._check_no_more(progress.shards)
        columns: dict[str, ColumnType] = {name: progress.types.get(name, "null") for name in self.settings.keep}
        assemble(self.folder, progress.shards, self.output, self.format, columns)
        done = end_manifest(self.manifest, progress.shards, progress.rows, progress.errors, digest.hexdigest()[:32])
        write_manifest(self.output, done)
        shutil.rmtree(self.folder, ignore_errors=True)
        return done

    def _shards(self, documents: Iterable[Document]) -> Iterator[Shard]:
        return cut_shards(documents, self.settings.shard_rows, self.settings.keep)

    def _result_of(self, shard: Shard) -> ShardHeader | None:
        """Return the header of a shard that has a result.

        RAISES (ReadError): If it is that of other rows.
        """
        header = read_header(self.folder, shard.number)
        if header is not None and header.digest != shard.digest:
            first, last = shard.rows[0], shard.rows[-1]
            raise ReadError(
                f"The input was changed since {self.output} was begun, between row {first.number} of {first.file} and row "
                f"{last.number} of {last.file}. Put it back as it was, or name another output."
            )
        return header

    def _check_no_more(self, shards: int) -> None:
        """RAISES (ReadError): If there are results of more shards than the input has."""
        if any(int(path.stem) >= shards for path in self.folder.glob("[0-9]*.jsonl")):
            raise ReadError(
                f"The input was changed since {self.output} was begun: rows at its end are gone. Put them back, or name another "
                "output."
            )


def folder_of(output: Path) -> Path:
    """Return where the results of shards are while a job runs."""
    return output.with_name(f"{output.name}.shards")


def files_beside(output: Path) -> dict[str, str]:
    """Return the names of the files beside an output."""
    return {"errors": str(errors_of(output)), "manifest": str(manifest_of(output))}
