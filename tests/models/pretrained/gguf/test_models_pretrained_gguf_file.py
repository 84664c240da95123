import builtins
import math
from pathlib import Path
from typing import Any, Callable

import gguf
import gguf_files
import numpy as np
import pytest
from gguf_files import make_model, write_gguf

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.gguf.file import is_gguf, read_gguf


@pytest.fixture
def path(tmp_path: Path) -> Path:
    fields = gguf_files.tokenizer_fields(tmp_path / "tokenizer")
    return write_gguf(tmp_path / "model.gguf", make_model(), fields, kind="Q8_0")


def test_fields_and_tensors_are_those_that_gguf_reads(path: Path) -> None:
    found, expected = read_gguf(path), gguf.GGUFReader(path)
    fields = {name: field.contents() for name, field in expected.fields.items() if not name.startswith("GGUF.")}
    assert {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in found.fields.items()} == fields
    assert {name: (one.kind, one.shape, one.offset, one.size) for name, one in found.tensors.items()} == {
        one.name: (one.tensor_type.name, tuple(one.shape.tolist()), one.data_offset, one.n_bytes) for one in expected.tensors
    }
    assert found.quantization == "Q8_0"


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"])
def test_sizes_are_right_for_every_kind(kind: str, tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf", make_model(), {}, kind=kind)
    found = read_gguf(path)
    assert found.quantization == kind
    assert max(one.offset + one.size for one in found.tensors.values()) == path.stat().st_size
    assert sum(math.prod(one.shape) for one in found.tensors.values()) == sum(one.numel() for one in make_model().parameters())


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.05, 0.1, 0.5, 0.9999])
def test_a_truncated_file_is_refused(share: float, path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: 4 + int(share * (len(data) - 4))])
    with pytest.raises(BaseModelError, match=r"model\.gguf is truncated or damaged: it has [0-9,]+ bytes\. Download it again"):
        read_gguf(path)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        pytest.param(8, b"\xff" * 8, id="number-of-tensors"),
        pytest.param(16, b"\xff" * 8, id="number-of-fields"),
        pytest.param(24, b"\xff" * 8, id="length-of-a-name"),
        pytest.param(32, b"\xff", id="no-text"),
        pytest.param(24 + 8 + len("general.architecture"), b"\x63", id="kind-of-a-value"),
    ],
)
def test_a_damaged_file_is_refused(place: int, value: bytes, path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[place : place + len(value)] = value
    path.write_bytes(data)
    with pytest.raises(BaseModelError, match="truncated or damaged"):
        read_gguf(path)


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\x03\x04", b"version https://git-lfs.github.com/spec/v1"])
def test_a_file_that_is_no_gguf_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(BaseModelError, match=r"model\.gguf is no GGUF file: it does not begin with GGUF\. Download it again"):
        read_gguf(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"There is no file .*other\.gguf\. Name a GGUF file, a folder or a model id"):
        read_gguf(tmp_path / "other.gguf")


def test_another_version_is_refused(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4] + (1).to_bytes(4, "little") + data[8:])
    with pytest.raises(BaseModelError, match="has version 1 of GGUF, allowed are 2 and 3, little-endian"):
        read_gguf(path)


@pytest.mark.parametrize("by", ["name", "field"])
def test_a_part_of_a_model_is_refused(by: str, tmp_path: Path) -> None:
    name = "model-00001-of-00002.gguf" if by == "name" else "model.gguf"
    path = write_gguf(tmp_path / name, make_model(), {"split.count": 2} if by == "field" else {})
    with pytest.raises(BaseModelError, match=r"is one part of a model in several files.*llama-gguf-split --merge"):
        read_gguf(path)


def test_a_file_without_weights_is_refused(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "vocabulary.gguf", "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(BaseModelError, match="holds no weights, so it is no model"):
        read_gguf(tmp_path / "vocabulary.gguf")


@pytest.mark.parametrize(("number", "kind"), [(27, "I64"), (999, "number 999")])
def test_an_unreadable_quantization_is_named(number: int, kind: str, path: Path) -> None:
    data = path.read_bytes()
    # Name, number of dimensions, one of 64 values, and the kind.
    entry = b"output_norm.weight" + (1).to_bytes(4, "little") + (64).to_bytes(8, "little")
    place = data.index(entry) + len(entry)
    path.write_bytes(data[:place] + number.to_bytes(4, "little") + data[place + 4 :])
    message = (
        rf"The weights output_norm\.weight of .* are quantized as {kind}, which the package gguf does not read\. Take a file"
    )
    with pytest.raises(BaseModelError, match=message):
        read_gguf(path)


def test_a_missing_package_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "gguf":
            raise ImportError("No module named 'gguf'")
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BaseModelError, match=r"needs the package gguf, which is not there: No module .* pip install gguf$"):
        read_gguf(path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("model.gguf", True, id="suffix"),
        pytest.param("MODEL.GGUF", True, id="upper-case"),
        pytest.param("missing.gguf", True, id="not-there"),
        pytest.param("sha256-1234", True, id="ollama"),
        pytest.param("notes.txt", False, id="another-file"),
        pytest.param("folder.gguf", False, id="folder"),
        pytest.param("TheOwner/Model-GGUF", False, id="hub"),
    ],
)
def test_a_gguf_file_is_known_by_its_name_or_its_first_bytes(name: str, expected: bool, path: Path) -> None:
    folder = path.parent
    for copy in ("MODEL.GGUF", "sha256-1234"):
        (folder / copy).write_bytes(path.read_bytes())
    (folder / "notes.txt").write_text("GG")
    (folder / "folder.gguf").mkdir()
    assert is_gguf(str(folder / name)) is expected


def test_numbers_and_texts_of_all_kinds_are_read(tmp_path: Path) -> None:
    def change(writer: Any) -> dict[str, Callable[[str, Any], None]]:
        kinds = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "bool")
        return {kind: getattr(writer, f"add_{kind}") for kind in kinds}

    writer = gguf.GGUFWriter(tmp_path / "model.gguf", "llama")
    expected: dict[str, Any] = {}
    for kind, add in change(writer).items():
        expected[kind] = True if kind == "bool" else 0.5 if "float" in kind else 100
        add(kind, expected[kind])
    writer.add_array("names", ["a", "ü"])
    writer.add_array("nested", [[1, 2], [3]])
    writer.add_tensor("x", np.zeros(4, "f4"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = read_gguf(tmp_path / "model.gguf").fields
    assert {kind: found[kind] for kind in expected} == expected
    assert found["names"] == ["a", "ü"]
    assert [list(one) for one in found["nested"]] == [[1, 2], [3]]
