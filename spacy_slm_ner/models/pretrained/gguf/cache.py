"""Converted GGUF files, each once, in the user's cache."""

import logging
import os
import shutil
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from ....errors import BaseModelError
from ..origin import Origin, write_origin
from .base import CONVERSION, convert_gguf

logger = logging.getLogger("spacy_slm_ner")

CACHE = "spacy_slm_ner", "gguf", "bases"
# transformers loads one model at a time.
_converting = threading.Lock()


def converted(path: Path, origin: Origin) -> Path:
    """Find the conversion of a GGUF file, made if it is not there.

    path (Path): The file.
    origin (Origin): Where it came from; its quantization is filled in.
    RETURNS (Path): Folder of the base. It is complete whenever it is there, whatever happens to the process that makes it.
    RAISES (BaseModelError): If the file cannot be converted, or there is no place for the result.
    """
    try:
        folder = cache() / f"{origin.sha256}-v{CONVERSION}"
        with _converting:
            if not folder.is_dir():
                logger.info("Converting %s to a base in %s", path, folder)
                make(path, origin, folder)
        return folder
    except OSError as error:
        raise BaseModelError(
            f"Cannot keep the conversion of {path}: {error}. Set HF_HOME to a folder with room that can be written."
        ) from error


def cache() -> Path:
    from huggingface_hub import cached_assets_path

    library, namespace, subfolder = CACHE
    return cached_assets_path(library, namespace, subfolder)


def make(path: Path, origin: Origin, folder: Path) -> None:
    """Convert a file beside the folder, and put it there at once."""
    temporary = Path(tempfile.mkdtemp(prefix="unfinished-", dir=folder.parent))
    try:
        gguf = convert_gguf(path, temporary)
        write_origin(replace(origin, quantization=gguf.quantization), temporary)
        temporary.chmod(0o755)
        try:
            os.rename(temporary, folder)
        except OSError:
            # Another process was faster.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
