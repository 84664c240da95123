"""DocBin files, of which the texts are read."""

from typing import BinaryIO, Iterator

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..errors import ReadError
from .document import Document, InputSettings


def read_docbin(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read the texts of a DocBin.

    RAISES (ReadError): If it is none.
    """
    try:
        docs = DocBin().from_bytes(file.read()).get_docs(Vocab())
        for number, doc in enumerate(docs, 1):
            yield Document(name, number, None, doc.text, {})
    except GeneratorExit:
        raise
    except Exception as error:
        # Whatever its bytes are taken for: zlib, msgpack and numpy each have errors of their own.
        raise ReadError(f"{name} is not a DocBin ({error}). Name a file that `convert` or spaCy wrote.") from None
