"""GGUF files, in which llama.cpp, Ollama and LM Studio keep a model: fields and a list of tensors, read without the weights.

The package `gguf` reads a field piece by piece, which takes seconds for a vocabulary, and takes the end of a truncated file for
an empty one. It knows the kinds of quantization.
"""

import math
import mmap
import re
import struct
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Sequence

import numpy as np

from ....errors import BaseModelError

MAGIC = b"GGUF"
SUFFIX = ".gguf"
VERSIONS = (2, 3)
PART = re.compile("-[0-9]{5}-of-[0-9]{5}[.]gguf$")
# Kinds of values by their numbers in the file: scalars as numpy and struct name them, then what has a length.
SCALARS = {0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "|b1", 10: "<u8", 11: "<i8", 12: "<f8"}
STRING, ARRAY = 8, 9


class GgufTensor(NamedTuple):
    """An entry of the list of tensors.

    kind (str): Its quantization, as `gguf` names it.
    shape (tuple[int, ...]): In the order of the file, which is that of torch from behind.
    offset (int): Of its first byte in the file.
    size (int): In bytes.
    """

    kind: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class GgufFile:
    """What a GGUF file says of itself.

    path (Path): Of the file.
    fields (dict[str, Any]): Numbers, texts, lists of texts, and arrays of numbers, by their names.
    tensors (dict[str, GgufTensor]): By their names.
    """

    path: Path
    fields: dict[str, Any]
    tensors: dict[str, GgufTensor]

    @property
    def quantization(self) -> str:
        """The kind that most of its weights have."""
        sizes: Counter[str] = Counter()
        for tensor in self.tensors.values():
            sizes[tensor.kind] += math.prod(tensor.shape)
        return sizes.most_common(1)[0][0]


def is_gguf(name: str) -> bool:
    """Whether a name is that of a GGUF file, by its suffix or, as in the folders of Ollama, by its first bytes."""
    path = Path(name)
    if path.is_dir() or path.suffix.lower() == SUFFIX:
        return not path.is_dir()
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_gguf(path: Path) -> GgufFile:
    """Read what a GGUF file says of itself.

    RAISES (BaseModelError): If it is none, is not whole, is one of several parts, or its weights cannot be read.
    """
    if not path.is_file():
        raise BaseModelError(f"There is no file {path}. Name a GGUF file, a folder or a model id of the hub.")
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise BaseModelError(f"{path} is no GGUF file: it does not begin with {MAGIC.decode()}. Download it again.")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                fields, tensors = read_header(Reader(data, path), path)
            except (struct.error, UnicodeDecodeError, EOFError) as error:
                raise truncated(path) from error
    if PART.search(path.name) or fields.get("split.count", 0) > 1:
        raise BaseModelError(
            f"{path} is one part of a model in several files, which are not read. Put them together with "
            "`llama-gguf-split --merge`, or take a file that holds the whole model."
        )
    if not tensors:
        raise BaseModelError(f"{path} holds no weights, so it is no model. Take the file with the weights.")
    if max(tensor.offset + tensor.size for tensor in tensors.values()) > path.stat().st_size:
        raise truncated(path)
    return GgufFile(path, fields, tensors)


def truncated(path: Path) -> BaseModelError:
    return BaseModelError(f"{path} is truncated or damaged: it has {path.stat().st_size:,} bytes. Download it again.")


class Reader:
    """Reads values one behind the other. RAISES (EOFError, struct.error): Where the file ends before a value does."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.data = data
        self.path = path
        self.place = len(MAGIC)

    def number(self, form: str) -> Any:
        (value,) = struct.unpack_from(form, self.data, self.place)
        self.place += struct.calcsize(form)
        return value

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.place:
            raise EOFError
        self.place += size
        return self.data[self.place - size : self.place]

    def text(self) -> str:
        return self.take(self.number("<Q")).decode("utf8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            kind, count = self.number("<I"), self.number("<Q")
            if kind in SCALARS:
                form = np.dtype(SCALARS[kind])
                return np.frombuffer(self.take(form.itemsize * count), form)
            return [self.value(kind) for _ in self.up_to(count)]
        if kind not in SCALARS:
            raise truncated(self.path)
        form = np.dtype(SCALARS[kind])
        return np.frombuffer(self.take(form.itemsize), form)[0].item()

    def up_to(self, count: int) -> Iterator[int]:
        """Count the entries of a list, which cannot be more than there are bytes."""
        if count > len(self.data):
            raise EOFError
        yield from range(count)


def read_header(reader: Reader, path: Path) -> tuple[dict[str, Any], dict[str, GgufTensor]]:
    """Read fields and the list of tensors."""
    version = reader.number("<I")
    if version not in VERSIONS:
        raise BaseModelError(
            f"{path} has version {version} of GGUF, allowed are {' and '.join(map(str, VERSIONS))}, little-endian. "
            "Convert the model again, with a version of llama.cpp from 2023 or later."
        )
    tensors, count = reader.number("<Q"), reader.number("<Q")
    fields = {}
    for _ in reader.up_to(count):
        name = reader.text()
        fields[name] = reader.value(reader.number("<I"))
    entries = []
    for _ in reader.up_to(tensors):
        name, dimensions = reader.text(), reader.number("<I")
        shape = tuple(reader.number("<Q") for _ in reader.up_to(dimensions))
        entries.append((name, shape, reader.number("<I"), reader.number("<Q")))
    step = fields.get("general.alignment", 32)
    start = -(-reader.place // step) * step
    return fields, dict(placed(path, entries, start))


def placed(path: Path, entries: Sequence[tuple[str, tuple[int, ...], int, int]], start: int) -> Iterator[tuple[str, GgufTensor]]:
    """Compute where tensors lie.

    entries (Sequence[tuple[str, tuple[int, ...], int, int]]): Name, shape, number of the kind, and offset behind the header.
    start (int): Where the weights begin.
    RAISES (BaseModelError): If a kind is one that `gguf` does not read.
    """
    gguf = import_gguf()
    blocks = {kind.value: (kind, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()}
    readable: dict[int, bool] = {}
    for name, shape, number, offset in entries:
        kind, block, size = blocks.get(number, (None, 1, 1))
        if number not in readable:
            readable[number] = kind is not None and can_read(gguf, kind, size)
        if not readable[number]:
            raise BaseModelError(
                f"The weights {name} of {path} are quantized as {kind.name if kind else f'number {number}'}, which the package "
                "gguf does not read. Take a file with another quantization, such as Q8_0, Q4_K_M or F16, or a newer gguf."
            )
        yield name, GgufTensor(kind.name, shape, start + offset, math.prod(shape) // block * size)


def can_read(gguf: Any, kind: Any, size: int) -> bool:
    """Whether a block of a kind of quantization can be read."""
    try:
        gguf.quants.dequantize(np.zeros((1, size), np.uint8), kind)
    except NotImplementedError:
        return False
    return True


def import_gguf() -> Any:
    """Import the package `gguf`, which is needed for such files alone."""
    try:
        import gguf
    except ImportError as error:
        raise BaseModelError(f"A GGUF file needs the package gguf, which is not there: {error}. pip install gguf") from error
    return gguf
