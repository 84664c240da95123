"""Results of shards become one file, in order."""

import os
from pathlib import Path
from typing import BinaryIO, Mapping

from ..storage.journal import readable_line
from .outputs import OF_DOCS, OutputFormat, open_output
from .rows import ColumnType
from .shard_files import docs_path, read_rows


def errors_of(output: Path) -> Path:
    """Return the path of the errors of an output."""
    return output.with_name(f"{output.name}.errors.jsonl")


def assemble(folder: Path, shards: int, output: Path, format: OutputFormat, columns: Mapping[str, ColumnType]) -> None:
    """Write the output and its errors, which appear as a whole, the output last.

    folder (Path): Where the results of shards are.
    shards (int): Number of shards.
    output (Path): The output.
    format (OutputFormat): Its format.
    columns (Mapping[str, ColumnType]): The columns that are kept, with their types.
    """
    results, errors = new_file(output), new_file(errors_of(output))
    with results.open("wb") as file, errors.open("wb") as error_file:
        writer = open_output(format, file, columns)
        for number in range(shards):
            rows = list(read_rows(folder, number))
            error_file.writelines(readable_line(row) for row in rows if "error" in row)
            docs = docs_path(folder, number).read_bytes() if format in OF_DOCS else b""
            writer.write([row for row in rows if "error" not in row], docs)
        writer.close()
        flush(file)
        flush(error_file)
    os.replace(errors, errors_of(output))
    os.replace(results, output)


def new_file(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def flush(file: BinaryIO) -> None:
    """Wait until what was written is on the disk."""
    file.flush()
    os.fsync(file.fileno())
