"""Documents of files, folders, patterns, standard input and remote places, compressed or not."""

import glob
import sys
import zlib
from lzma import LZMAError
from pathlib import Path, PurePath
from typing import BinaryIO, Callable, Iterator, Sequence, Union, get_args

from ..errors import ReadError
from .document import Document, InputFormat, InputSettings
from .read_docbin import read_docbin
from .read_json import read_json, read_json_lines
from .read_tables import read_csv, read_parquet, read_tsv
from .read_text import read_lines, read_text

Reader = Callable[[BinaryIO, str, InputSettings], Iterator[Document]]
READERS: dict[InputFormat, Reader] = {
    "text": read_text,
    "lines": read_lines,
    "json": read_json,
    "jsonl": read_json_lines,
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
    "docbin": read_docbin,
}
FORMATS: dict[str, InputFormat] = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".eml": "text",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".spacy": "docbin",
}
# What smart_open takes off.
COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
STDIN = "-"
DEFAULTS = InputSettings()


def read_documents(inputs: Sequence[Union[str, Path]], settings: InputSettings = DEFAULTS) -> Iterator[Document]:
    """Read texts in the order of the inputs; folders and patterns in the order of their names.

    What has no usable text is a document with a problem: nothing is left out.

    inputs (Sequence[Union[str, Path]]): Files, folders (with all below them whose suffix is known), patterns such as `in/*.csv`,
        addresses that smart_open knows, such as `s3://bucket/key`, and "-" for standard input.
    settings (InputSettings): How they are read.
    RAISES (ReadError): If there is no such file, or it cannot be read.
    """
    files = [file for one in inputs for file in expand(str(one), settings)]
    readers = [READERS[settings.format or format_of(file)] for file in files]
    for file, reader in zip(files, readers):
        with open_file(file) as opened:
            try:
                yield from reader(opened, file, settings)
            except (EOFError, OSError, LZMAError, zlib.error) as error:
                raise ReadError(f"{file} cannot be read to its end: {error}. It may be damaged, or not compressed.") from None


def expand(name: str, settings: InputSettings) -> list[str]:
    """List the files that an input names."""
    if "://" in name or name == STDIN or Path(name).is_file():
        return [name]
    if Path(name).is_dir():
        inside = sorted(path for path in Path(name).rglob("*") if path.is_file() and not path.name.startswith("."))
        found = [str(path) for path in inside if settings.format or suffix_of(str(path)) in FORMATS]
        hint = f"holds no files of texts ({', '.join(FORMATS)})"
    else:
        found = sorted(path for path in glob.glob(name, recursive=True) if Path(path).is_file())
        hint = "is no file, folder or pattern of files that exist"
    if not found:
        raise ReadError(f"{name} {hint}. Name an existing one.")
    return found


def suffix_of(name: str) -> str:
    """Return the suffix of a file, without that of its compression, in lower case."""
    path = PurePath(name.lower())
    return path.with_suffix("").suffix if path.suffix in COMPRESSED else path.suffix


def format_of(name: str) -> InputFormat:
    """Tell the format of a file by its suffix; standard input holds a text on each line.

    RAISES (ReadError): If the suffix says nothing.
    """
    known: InputFormat | None = "lines" if name == STDIN else FORMATS.get(suffix_of(name))
    if known is None:
        formats = ", ".join(get_args(InputFormat))
        raise ReadError(f"{name}: its suffix is none of {', '.join(FORMATS)}. Say what it is, with --format: {formats}.")
    return known


def open_file(name: str) -> BinaryIO:
    """Open a file for its bytes, which are decompressed.

    RAISES (ReadError): If it cannot be opened.
    """
    if name == STDIN:
        return sys.stdin.buffer
    try:
        if "://" not in name and not name.lower().endswith(COMPRESSED):
            return Path(name).open("rb")
        from smart_open import open as smart_open

        opened: BinaryIO = smart_open(name, "rb")
    except (OSError, ImportError, NotImplementedError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ReadError(f"Cannot read {name}: {reason}. Name an existing file.") from None
    return opened
