"""Loading what commands are given, with clear errors."""

import re
from importlib.metadata import requires
from pathlib import Path

import spacy
from spacy.language import Language
from spacy.tokens import DocBin

from ..errors import ReadError

# Packages of tokenizers that are no extra of spaCy.
NO_EXTRA = {"vi": ["pyvi"]}
# Languages with spaces between words, which the tokenizer of "xx" can cut into words as well.
SPACED = frozenset({"ko", "vi"})


def blank_pipeline(lang: str) -> Language:
    """A pipeline with a tokenizer alone.

    RAISES (ReadError): If spaCy does not know the language, or its tokenizer needs a package that is not installed.
    """
    try:
        spacy.util.get_lang_class(lang)
    except ImportError as error:
        raise ReadError(f"Got the language {lang!r}, which spaCy does not know: {error} Name a code such as 'en'.") from None
    try:
        nlp = spacy.blank(lang)
        nlp.make_doc("a")  # Some tokenizers load their package at the first text.
        return nlp
    except (ImportError, OSError) as error:
        raise ReadError(explain_missing_package(lang, str(error))) from None


def explain_missing_package(lang: str, said: str) -> str:
    """What to do about a language that spaCy knows, but not how to cut it into words without a package.

    said (str): spaCy's own message.
    """
    packages = packages_of(lang)
    advice = f" Install it: pip install {' '.join(packages)}." if packages else ""
    without = (
        " Or name 'xx', whose tokenizer needs no package and cuts words at spaces and punctuation." if lang in SPACED else ""
    )
    return f"Got the language {lang!r}, which spaCy knows, but its tokenizer needs a package.{advice}{without} spaCy says: {said}"


def packages_of(lang: str) -> list[str]:
    """Packages that spaCy's extra of the name of a language brings."""
    wanted = [line for line in requires("spacy") or [] if re.search(rf"extra == ['\"]{re.escape(lang)}['\"]", line)]
    return [re.split(r"[^\w.-]", line)[0] for line in wanted] or NO_EXTRA.get(lang, [])


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
