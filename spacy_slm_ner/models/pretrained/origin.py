"""Where a converted base came from, in a file of its folder."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Optional

# The files of a base.
FILES = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
FILE = "origin.json"


@dataclass(frozen=True)
class Origin:
    """The file that a base was converted from.

    base (Optional[str]): The name to find it by again, None if a pip package does not carry it.
    file (str): Name of the file.
    quantization (str): Of most of its weights.
    sha256 (str): Of the file.
    distribution (Optional[str]): The pip package that carries it.
    version (Optional[str]): Of the package.
    """

    base: Optional[str]
    file: str
    quantization: str
    sha256: str
    distribution: Optional[str]
    version: Optional[str]


def write_origin(origin: Origin, folder: Path) -> None:
    """Record where a base came from, and what its files are."""
    record = {**asdict(origin), "files": digests(folder)}
    (folder / FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf8")


def read_origin(folder: Path) -> Optional[Origin]:
    """Return where a base came from, None if that is not known, or if its files have changed since."""
    try:
        record = json.loads((folder / FILE).read_text(encoding="utf8"))
        files = record.pop("files")
        origin = Origin(**record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # Not there, or a file of another program.
        return None
    return origin if files == digests(folder) else None


def drop_origin(folder: Path) -> None:
    """Forget where a base came from, because its files are rewritten."""
    (folder / FILE).unlink(missing_ok=True)


def digests(folder: Path) -> dict[str, str]:
    """Compute the digests of the files of a base."""
    files = sorted({file for pattern in FILES for file in folder.glob(pattern) if file.name != FILE})
    return {file.name: sha256_of(file) for file in files}


def sha256_of(path: Path) -> str:
    """Compute the digest of a file, "none" if there is no such file."""
    if not path.is_file():
        return "none"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
