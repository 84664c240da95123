"""Writing the files of a project."""

from pathlib import Path
from typing import Mapping

from ..errors import ReadError


def write_files(folder: Path, files: Mapping[str, str], force: bool = False) -> None:
    """Write files into a folder: all of them, or none if one is there.

    folder (Path): The folder, made if there is none.
    files (Mapping[str, str]): Content of each file by its path in the folder.
    force (bool): Whether to replace files that are there.
    RAISES (ReadError): If a file is there and is not to be replaced, or cannot be written.
    """
    existing = [name for name in files if (folder / name).exists()]
    if existing and not force:
        raise ReadError(
            f"There is {', '.join(existing)} in {folder} already, so nothing was written. Name another folder, or replace "
            f"{'it' if len(existing) == 1 else 'them'} with --force."
        )
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf8", newline="\n")
    except OSError as error:
        raise ReadError(f"Cannot write {error.filename or folder}: {error.strerror}. Name another folder.") from None
