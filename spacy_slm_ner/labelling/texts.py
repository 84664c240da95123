"""Texts to label: their keys, and what keeps a text from being labelled."""

import hashlib
from typing import Iterable, Iterator, NamedTuple

from spacy.language import Language

from ..documents.read import Document
from ..errors import ReadError


class TextKey(NamedTuple):
    """Identity of a text of a run.

    file (str): Path of its file.
    number (int): Its number in the file.
    digest (str): Hash of the text.
    """

    file: str
    number: int
    digest: str


Text = tuple[TextKey, Document]


def key_of(document: Document) -> TextKey:
    """Return the key of a text."""
    content = document.text.encode("utf8", "surrogatepass")
    return TextKey(document.file, document.number, hashlib.sha256(content).hexdigest()[:32])


def explain_unusable(document: Document, nlp: Language) -> str:
    """Return why a text cannot be labelled; empty if it can."""
    if document.problem:
        return document.problem
    if not document.text.strip():
        return "the text is empty"
    if len(document.text) > nlp.max_length:
        return (
            f"the text has {len(document.text):,} characters, more than the {nlp.max_length:,} that spaCy reads at a time; cut "
            "it into shorter ones"
        )
    try:
        document.text.encode("utf8")
    except UnicodeEncodeError as error:
        return f"half a character (a lone surrogate) at position {error.start}"
    return ""


def check_texts(documents: Iterable[Document], known: Iterable[TextKey]) -> Iterator[Text]:
    """Yield texts with their keys, and check that the known ones are among them.

    documents (Iterable[Document]): All texts of the input.
    known (Iterable[TextKey]): Keys of the texts that the run has labelled, or chosen, before.
    RAISES (ReadError): If one of them is missing or was changed, or a file is named twice.
    """
    missing = {key[:2]: key for key in known}
    seen: set[tuple[str, int]] = set()
    for document in documents:
        key = key_of(document)
        if key[:2] in seen:
            raise ReadError(f"Got the file {key.file} twice. Name each file once.")
        seen.add(key[:2])
        if missing.pop(key[:2], key) != key:
            raise ReadError(explain_change(key.file, key.number, "is another text"))
        yield key, document
    for file, number in missing:
        raise ReadError(explain_change(file, number, "is gone"))


def explain_change(file: str, number: int, change: str) -> str:
    """Explain that an input of a run was changed."""
    return (
        f"The input was changed since the output was begun: text {number} of {file} {change}. Name the files as before and put "
        "the text back, or name another output. Texts may be added at the end of a file, and files may be added."
    )
