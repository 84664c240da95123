"""Files that users write, read with errors that say what to do."""

from pathlib import Path
from typing import Any

import srsly
from pydantic import ValidationError

from .errors import ReadError


def read_text(path: Path) -> str:
    """Read a text file, without its byte order mark.

    RAISES (ReadError): If it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        advice = "It is a DocBin, which needs no conversion." if path.suffix == ".spacy" else "Save it as UTF-8."
        raise ReadError(f"{path} is not UTF-8: {error.reason} at byte {error.start}. {advice}") from None
    except OSError as error:
        raise ReadError(f"Cannot read {path}: {error.strerror}. Name an existing file.") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    RAISES (ReadError): If it cannot be read, or is not YAML.
    """
    try:
        return srsly.yaml_loads(read_text(path))
    except ReadError:
        raise
    except ValueError as error:
        raise ReadError(f"{path} is not YAML: {error}") from None


def faults_of(error: ValidationError, whole: str) -> str:
    """Describe every field that is wrong, its fault, and its value.

    error (ValidationError): The error.
    whole (str): Name of the object itself.
    """
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or whole}: {one['msg']}, got {one['input']!r:.80}" for one in error.errors()
    )
