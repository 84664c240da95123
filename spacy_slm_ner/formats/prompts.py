"""Prompts, one versioned template for each format."""

from functools import cache, lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from ..labels.guidelines import Label
from .base import LabelledFormat, Message


@cache
def load_prompt_template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("spacy_slm_ner.formats"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(f"{name}.v1.jinja")


def render_prompt(name: str, form: LabelledFormat, text: str) -> list[Message]:
    """Write a prompt: the task as the turn of the system, the unchanged text as that of the user.

    name (str): Name of the template.
    form (LabelledFormat): Labels, guidelines and intents that it names.
    text (str): The text.
    RETURNS (list[Message]): Both turns.
    """
    task = render_task(name, tuple(form.labels), tuple(form.intents), form.definitions)
    return [{"role": "system", "content": task}, {"role": "user", "content": text}]


@lru_cache(maxsize=1_000)
def render_task(name: str, labels: tuple[str, ...], intents: tuple[str, ...], definitions: tuple[tuple[str, Label], ...]) -> str:
    return load_prompt_template(name).render(labels=labels, intents=intents, definitions=definitions).strip()
