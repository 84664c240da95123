"""Cutting of the input into shards, always in the same way."""

import hashlib
import json
from typing import Iterable, Iterator, NamedTuple

from ..documents.document import Document
from ..errors import ReadError

# Characters after which a shard ends, so that long texts do not add up.
SHARD_CHARACTERS = 4_000_000


class Shard(NamedTuple):
    """Rows that are annotated together.

    number (int): Its number, from 0.
    rows (tuple[Document, ...]): The rows, with the columns alone that are kept.
    digest (str): Hash of the rows.
    """

    number: int
    rows: tuple[Document, ...]
    digest: str


def cut_shards(documents: Iterable[Document], size: int, keep: tuple[str, ...] = ()) -> Iterator[Shard]:
    """Cut documents into shards.

    documents (Iterable[Document]): The documents.
    size (int): Most rows of a shard.
    keep (tuple[str, ...]): Columns that are kept.
    RAISES (ReadError): If a file is named twice, so that its rows could not be told apart.
    """
    number, rows, characters = 0, [], 0
    for document in check_files(documents):
        rows.append(document._replace(columns={name: document.columns.get(name) for name in keep}))
        characters += len(document.text)
        if len(rows) == size or characters >= SHARD_CHARACTERS:
            yield make_shard(number, rows)
            number, rows, characters = number + 1, [], 0
    if rows:
        yield make_shard(number, rows)


def make_shard(number: int, rows: list[Document]) -> Shard:
    digest = hashlib.sha256()
    for row in rows:
        # ASCII, as texts may hold half a character.
        digest.update(json.dumps([*row[:4], dict(row.columns), row.problem], default=str).encode("ascii") + b"\n")
    return Shard(number, tuple(rows), digest.hexdigest()[:32])


def check_files(documents: Iterable[Document]) -> Iterator[Document]:
    """Yield documents, and check that the rows of a file stand together.

    RAISES (ReadError): If they do not.
    """
    seen: set[str] = set()
    current = None
    for document in documents:
        if document.file != current:
            if document.file in seen:
                raise ReadError(f"Got the file {document.file} twice. Name each file once.")
            current = document.file
            seen.add(current)
        elif document.number == 1:
            raise ReadError(f"Got the file {document.file} twice. Name each file once.")
        yield document
