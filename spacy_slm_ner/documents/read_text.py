"""Plain text: a file is one text, or each of its lines."""

from typing import BinaryIO, Iterator

from .document import Document, InputSettings, explain_broken

BOM = b"\xef\xbb\xbf"


def read_text(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read a file as one text."""
    yield make_document(name, 1, file.read().removeprefix(BOM))


def read_lines(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read each line as a text. A line ends at a line feed, and at nothing else."""
    for number, line in enumerate(file, 1):
        raw = line.removeprefix(BOM) if number == 1 else line
        yield make_document(name, number, raw.removesuffix(b"\n").removesuffix(b"\r"))


def make_document(name: str, number: int, raw: bytes) -> Document:
    text = raw.decode("utf8", errors="surrogateescape")
    problem = explain_broken(text)
    return Document(name, number, None, "" if problem else text, {}, problem)
