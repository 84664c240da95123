"""Answers of endpoints on disk."""

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Callable, Iterable, TypeVar

from ..errors import ReadError
from .addresses import BASE_URL_VARIABLE
from .endpoint import Messages, ModelSettings
from .replies import Reply

TABLE = "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
FIND = "SELECT answer FROM answers WHERE key = ?"
ALL = "SELECT key, answer FROM answers"
STORE = "INSERT OR IGNORE INTO answers VALUES (?, ?)"
# Seconds to wait while another process writes.
PATIENCE = 60.0
T = TypeVar("T")


def request_key(settings: ModelSettings, messages: Messages) -> str:
    """Hash all that an answer depends on: the model, its address, how it writes, and the prompt."""
    address = os.environ.get(BASE_URL_VARIABLE) if settings.base_url is None else settings.base_url
    content = {**settings._asdict(), "base_url": address, "messages": [dict(message) for message in messages]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode("ascii")).hexdigest()


class AnswerCache:
    """An SQLite file of answers as JSON. Each operation has a connection of its own, so threads and processes may share it.

    path (Path): The file, which is made when the first answer is stored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def find(self, keys: Iterable[str]) -> dict[str, Reply]:
        """Find the answers that there are; one that cannot be read counts as none.

        RAISES (ReadError): If the file is no cache.
        """
        if not self.path.exists():
            return {}
        return read_rows(self._use(lambda db: [(key, row[0]) for key in keys for row in db.execute(FIND, [key])]))

    def find_all(self) -> dict[str, Reply]:
        """Find all answers by their keys; one that cannot be read counts as none.

        RAISES (ReadError): If the file is no cache.
        """
        return read_rows(self._use(lambda db: db.execute(ALL).fetchall())) if self.path.exists() else {}

    def store(self, key: str, reply: Reply) -> None:
        """Store an answer, which is on the disk when this returns.

        RAISES (ReadError): If the file is no cache, or cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # ASCII, as some models write lone surrogates, which UTF-8 cannot hold.
        answer = json.dumps(reply.model_dump(mode="json"))
        self._use(lambda db: db.execute(STORE, [key, answer]))

    def _use(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db, db:
                db.execute(TABLE)
                return operation(db)
        except sqlite3.Error as error:
            raise ReadError(f"The cache {self.path} cannot be used: {error}. Name another file, or move it away.") from None


def read_rows(rows: Iterable[tuple[str, str]]) -> dict[str, Reply]:
    """Read the answers of rows, by their keys, without those that cannot be read."""
    found: dict[str, Reply] = {}
    for key, answer in rows:
        try:
            found[key] = Reply.model_validate(json.loads(answer))
        except ValueError:
            continue
    return found
