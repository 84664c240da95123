"""The files of a project, rendered from templates."""

import json
from dataclasses import asdict
from functools import lru_cache
from typing import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from .names import as_variable, as_yaml
from .placeholders import placeholder_sets
from .project import Project

CONFIGS = ("tok2vec", "trf", "lora", "slm")


def project_files(project: Project) -> Mapping[str, str]:
    """Return the content of every file of a new project by its path in the folder."""
    pages = {name: render(name, project) for name in ("generate.yml", "GUIDELINES.md", "README.md", ".gitignore")}
    records = {
        f"assets/{name}.json": json.dumps(records, ensure_ascii=False, indent=1) + "\n"
        for name, records in placeholder_sets(project.labels, project.intents).items()
    }
    return {**pipeline_files(project), **pages, **records}


def pipeline_files(project: Project) -> Mapping[str, str]:
    """Return the content of `project.yml` and of the configs that it uses."""
    configs = {f"configs/{name}.cfg": render(f"configs/{name}.cfg", project) for name in CONFIGS}
    return {"project.yml": render("project.yml", project), **configs}


def render(name: str, project: Project) -> str:
    """Render the template of a file."""
    return templates().get_template(f"{name.lstrip('.')}.jinja").render(asdict(project))


@lru_cache
def templates() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters |= {"variable": as_variable, "yaml": as_yaml}
    return environment
