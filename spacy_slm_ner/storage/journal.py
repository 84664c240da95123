"""Journal of a run: every answer is on the disk before it is used."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO, Iterable

from filelock import FileLock, Timeout

from ..errors import ReadError
from .json_lines import JsonLine, read_json_lines


class Journal:
    """Append-only file of JSON Lines, which one process at a time may hold.

    An unfinished last line, which a killed process leaves, is completed or cut off. Lines that cannot be read stay in the file.

    path (Path): The file.
    entries (list[dict[str, Any]]): All entries.
    damaged (list[JsonLine]): Lines that cannot be read.
    RAISES (ReadError): If another process holds it, or it is no journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(f"{path}.lock")
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ReadError(f"Another process writes {path}. Wait for it, or name another output.") from None
        self.damaged: list[JsonLine] = []
        try:
            self.entries = self._read()
        except BaseException:
            self._lock.release()
            raise
        self._file: BinaryIO = path.open("ab")

    def _read(self) -> list[dict[str, Any]]:
        """Read all entries, and note damaged lines."""
        if not self.path.exists():
            return []
        lines = list(read_json_lines(self._mend_end(self.path.read_bytes())))
        self.damaged = [line for line in lines if line.entry is None]
        if lines and len(self.damaged) == len(lines):
            raise ReadError(f"{self.path} is damaged ({lines[0].reason}). Move it away to begin anew; nothing was changed.")
        return [line.entry for line in lines if line.entry is not None]

    def _mend_end(self, content: bytes) -> bytes:
        """Complete the last line, or cut it off.

        RETURNS (bytes): Content of the file after that.
        """
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) == len(content):
            return content
        last = next(read_json_lines(content[len(whole) :]), None)
        if last is not None and last.entry is not None:
            with self.path.open("ab") as file:
                file.write(b"\n")
            return content + b"\n"
        if not whole and not content.startswith(b'{"'):
            return content
        os.truncate(self.path, len(whole))
        return whole

    def append(self, entries: Iterable[dict[str, Any]]) -> None:
        """Append entries, which are on the disk when this returns."""
        new = list(entries)
        self._file.write(b"".join(ascii_line(entry) for entry in new))
        self._file.flush()
        os.fsync(self._file.fileno())
        self.entries += new

    def close(self) -> None:
        """Close the file, and let other processes hold it."""
        self._file.close()
        self._lock.release()


def ascii_line(entry: dict[str, Any]) -> bytes:
    """Write an entry as ASCII, as UTF-8 cannot hold the lone surrogates that some models write."""
    return json.dumps(entry).encode("ascii") + b"\n"


def write_lines(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Replace a file of JSON Lines atomically."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        for entry in entries:
            file.write(readable_line(entry))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def append_lines(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Append entries to a file of JSON Lines; they are on the disk when this returns."""
    new = [readable_line(entry) for entry in entries]
    if new:
        with path.open("ab") as file:
            file.write(b"".join(new))
            file.flush()
            os.fsync(file.fileno())


def readable_line(entry: dict[str, Any]) -> bytes:
    """Write an entry as UTF-8 for readers; `backslashreplace` escapes lone surrogates as JSON does."""
    return json.dumps(entry, ensure_ascii=False).encode("utf8", errors="backslashreplace") + b"\n"
