"""Prompts, one versioned template for each format."""

from functools import cache, lru_cache
from typing import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from .base import Message


@cache
def load_prompt_template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("spacy_slm_ner.formats"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(f"{name}.v1.jinja")


def render_prompt(name: str, labels: Sequence[str], intents: Sequence[str], text: str) -> list[Message]:
    """Write a prompt: the task as the turn of the system, the unchanged text as that of the user.

    name (str): Name of the template.
    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents, one of which the answer names; empty if it names none.
    text (str): The text.
    RETURNS (list[Message]): Both turns.
    """
    return [{"role": "system", "content": render_task(name, tuple(labels), tuple(intents))}, {"role": "user", "content": text}]


@lru_cache(maxsize=1_000)
def render_task(name: str, labels: tuple[str, ...], intents: tuple[str, ...]) -> str:
    return load_prompt_template(name).render(labels=labels, intents=intents).strip()
