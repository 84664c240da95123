"""Digest of the files of a pipeline, without loading it."""

import hashlib
from pathlib import Path

import spacy

from ..errors import ReadError

CHUNK = 1 << 20


def digest_model(model: str) -> str:
    """Hash all files of a pipeline.

    model (str): Its folder or package name.
    RAISES (ReadError): If there is no such pipeline.
    """
    folder = find_model(model)
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        # What Python compiles, and the list of installed files, say nothing of the pipeline.
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.relative_to(folder).as_posix().encode("utf8", "surrogateescape") + b"\0")
            with path.open("rb") as file:
                for chunk in iter(lambda: file.read(CHUNK), b""):
                    digest.update(chunk)
    return digest.hexdigest()[:32]


def find_model(model: str) -> Path:
    """Find the folder of a pipeline.

    RAISES (ReadError): If there is none.
    """
    if spacy.util.is_package(model):
        return spacy.util.get_package_path(model)
    if (Path(model) / "config.cfg").is_file():
        return Path(model)
    raise ReadError(f"Cannot find the pipeline {model!r}. Name the folder of a trained pipeline, or an installed package.")
