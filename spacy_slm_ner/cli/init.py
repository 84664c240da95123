import re
from pathlib import Path
from typing import Annotated, Sequence

import typer
from spacy.language import Language

from ..errors import LabelError
from ..scaffold import Project, project_files, require_names, write_files
from ..scaffold.project import package_name_of
from ._app import app, clear_errors, comma_list, console, decode_argument
from ._load import blank_pipeline


@app.command("init")
def init_cli(
    folder: Annotated[Path, typer.Argument(help="Folder for the project.")],
    labels: Annotated[str, typer.Option(help="Entity labels, comma separated or a JSON list.")],
    intents: Annotated[str, typer.Option(help="Intents of a text, likewise; none if not given.")] = "",
    lang: Annotated[str, typer.Option(help="Language of the records, a spaCy code.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Start a project for labels of your own: project.yml, configs, a spec for `generate`, guidelines and placeholder records."""
    with clear_errors():
        files = init(folder, comma_list(labels), comma_list(intents), lang, force)
    console.print(f"{folder}: {', '.join(files)}", soft_wrap=True, markup=False)
    console.print(next_steps(folder), soft_wrap=True, markup=False)


def next_steps(folder: Path) -> str:
    """What to do with a new project, in three lines."""
    return "\n".join(
        [
            f"1. Try it with placeholders: python -m spacy project run all {quoted(folder)}",
            "2. Replace assets/train.json, dev.json and test.json with records of your own, or describe them in generate.yml",
            f"   and let a language model write them: python -m spacy project run generate {quoted(folder)}",
        ]
    )


def quoted(folder: Path) -> str:
    return f'"{folder}"' if re.search(r"\s", str(folder)) else str(folder)


def init(
    folder: Path, labels: Sequence[str], intents: Sequence[str] = (), lang: str = "en", force: bool = False
) -> Sequence[str]:
    """Write the files of a new project.

    folder (Path): The folder, made if there is none.
    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents; empty for none.
    lang (str): Language of the records, a spaCy code.
    force (bool): Whether to replace files that are there.
    RETURNS (Sequence[str]): Paths of the files in the folder.
    RAISES (LabelError): If a label or an intent cannot have its name, or there is no label.
    RAISES (ReadError): If the language is unknown or its tokenizer needs a package, or files are there already.
    """
    if not labels:
        raise LabelError("Got no labels, so there is nothing to recognise. Name them: --labels PERSON,PLACE.")
    require_names(labels, "labels")
    require_names(intents, "intents")
    nlp = blank_pipeline(lang)
    name = decode_argument(folder.resolve().name)
    project = Project(
        title=f"Entities of {name}" if name else "Entities",
        package_name=package_name_of(name),
        lang=lang,
        language=language_name(nlp),
        tokenizer=nlp.config["nlp"]["tokenizer"]["@tokenizers"],
        labels=tuple(labels),
        intents=tuple(intents),
    )
    files = project_files(project)
    write_files(folder, files, force)
    return list(files)


def language_name(nlp: Language) -> str:
    """Name of a pipeline's language in English, such as "Norwegian Nynorsk"."""
    return "any language" if nlp.lang == "xx" else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(nlp).__name__)
