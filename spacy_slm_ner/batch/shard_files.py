"""Files of a batch job: a result for each shard, which is there as a whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any, Iterable, Iterator, NamedTuple, Optional

from ..storage.journal import readable_line
from .rows import ColumnType, Row


class ShardHeader(NamedTuple):
    """What is known about the result of a shard.

    number (int): Number of the shard.
    digest (str): Hash of its rows.
    rows (int): Number of its rows.
    errors (dict[str, int]): Number of its errors, by their kinds.
    types (dict[str, ColumnType]): Types of the columns that were kept.
    """

    number: int
    digest: str
    rows: int
    errors: dict[str, int]
    types: dict[str, ColumnType]


def result_path(folder: Path, number: int) -> Path:
    """Return the path of the result of a shard."""
    return folder / f"{number:07d}.jsonl"


def docs_path(folder: Path, number: int) -> Path:
    """Return the path of the Docs of a shard."""
    return folder / f"{number:07d}.spacy"


def row_path(folder: Path, number: int) -> Path:
    """Return the path of the file that names the row that is being read."""
    return folder / f"{number:07d}.row"


def write_whole(path: Path, contents: Iterable[bytes]) -> None:
    """Write a file that appears as a whole. Several processes may write the same at once."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with new.open("wb") as file:
            file.writelines(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def write_result(folder: Path, header: ShardHeader, rows: Iterable[Row], docs: Optional[bytes]) -> None:
    """Write the result of a shard. Its Docs come first: a shard is done when its rows are there."""
    if docs is not None:
        write_whole(docs_path(folder, header.number), [docs])
    write_whole(result_path(folder, header.number), map(readable_line, [header._asdict(), *rows]))


def read_header(folder: Path, number: int) -> Optional[ShardHeader]:
    """Read the header of a result; None if there is none."""
    try:
        with result_path(folder, number).open("rb") as file:
            return ShardHeader(**json.loads(file.readline()))
    except FileNotFoundError:
        return None


def read_rows(folder: Path, number: int) -> Iterator[Row]:
    """Read the rows of a result, in order; one with "error" is an error."""
    with result_path(folder, number).open("rb") as file:
        next(file)
        for line in file:
            row: dict[str, Any] = json.loads(line)
            yield row


def write_row_number(folder: Path, number: int, row: int) -> None:
    """Note which row is being read, so that it is known should the process die. It need not outlive the machine."""
    row_path(folder, number).write_text(str(row), encoding="ascii")


def take_row_number(folder: Path, number: int) -> Optional[int]:
    """Return which row was being read, and forget it; None if there was none."""
    path = row_path(folder, number)
    try:
        content = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    path.unlink(missing_ok=True)
    return int(content) if content else None
