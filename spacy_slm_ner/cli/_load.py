"""Loading what commands are given, with clear errors."""

from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from ..errors import ReadError


def blank_pipeline(lang: str) -> Language:
    """A pipeline with a tokenizer alone.

    RAISES (ReadError): If spaCy does not know the language.
    """
    try:
        return spacy.blank(lang)
    except ImportError as error:
        raise ReadError(f"Got the language {lang!r}, which spaCy does not know: {error} Name a code such as 'en'.") from None


def load_pipeline(model: str) -> Language:
    """A trained pipeline, from a folder or an installed package.

    RAISES (ReadError): If it cannot be loaded.
    """
    try:
        return spacy.load(model)
    except (OSError, ValueError, ImportError) as error:
        raise ReadError(f"Cannot load the pipeline {model!r}: {error}") from None


def load_docbin(path: Path) -> DocBin:
    """The Docs of a file that `convert` wrote.

    RAISES (ReadError): If it is no such file.
    """
    try:
        return DocBin().from_disk(path)
    except OSError as error:
        raise ReadError(f"Cannot read {path}: {error.strerror}. Name a DocBin that `convert` wrote.") from None
    except (ValueError, KeyError) as error:
        raise ReadError(f"{path} is not a DocBin ({error}). Name a file that `convert` wrote.") from None
