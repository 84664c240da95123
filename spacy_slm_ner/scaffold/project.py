"""What a project is told: the values in its files that differ from project to project."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Project:
    """The values in the files of a project.

    title (str): Title of the project.
    package_name (str): Name of the packaged pipelines, of letters, digits and underscores.
    lang (str): Language, a spaCy code.
    language (str): Its name in English, for the prompts of `generate`.
    tokenizer (str): Tokenizer of the language, as spaCy registers it.
    labels (tuple[str, ...]): Labels that records may use; empty for any.
    intents (tuple[str, ...]): Intents that records may use; empty for none.
    spec (str): Path of the spec of `generate`.
    forms (str): Path of the forms that `check` counts; "" for none.
    word (str): Word that `check` counts; "" for none.
    disjoint (tuple[str, ...]): Labels whose strings should be new in test.
    """

    title: str
    package_name: str
    lang: str = "en"
    language: str = "English"
    tokenizer: str = "spacy.Tokenizer.v1"
    labels: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    spec: str = "generate.yml"
    forms: str = ""
    word: str = ""
    disjoint: tuple[str, ...] = ()


def package_name_of(name: str) -> str:
    """Return a name for packages that is close to the name of a folder."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "entities"
