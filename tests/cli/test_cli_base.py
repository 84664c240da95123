from pathlib import Path
from typing import Callable

import gguf_files
import pytest
from click.testing import Result
from gguf_files import make_model, write_gguf


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    folder = tmp_path / "encoder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_files_are_copied_and_their_origin_is_printed(run: Callable[..., Result], encoder: Path, tmp_path: Path) -> None:
    target = tmp_path / "bases" / "trf"
    result = run("base", encoder, target)
    assert (result.exit_code, result.stdout) == (0, f"{encoder}: {encoder} -> {target}\n")
    assert (target / "model.safetensors").read_bytes() == b"weights"


def test_revision_of_a_folder_is_refused(fails: Callable, encoder: Path, tmp_path: Path) -> None:
    said = fails("base", encoder, tmp_path / "trf", "--revision", "v2")
    assert said.startswith(f"Error: BaseModelError: Got the revision 'v2' for {encoder}, a local folder")
    assert not (tmp_path / "trf").exists()


def test_folder_without_safetensors_is_refused(fails: Callable, encoder: Path, tmp_path: Path) -> None:
    (encoder / "model.safetensors").unlink()
    said = fails("base", encoder, tmp_path / "trf")
    assert f"BaseModelError: The model {encoder} in {encoder} has no *.safetensors." in said


@pytest.fixture
def gguf(tmp_path: Path, gguf_bases: Path) -> Path:
    return write_gguf(tmp_path / "model.gguf", make_model(), gguf_files.tokenizer_fields(tmp_path / "tokenizer"))


def test_a_gguf_file_becomes_a_base(run: Callable[..., Result], gguf: Path, tmp_path: Path) -> None:
    result = run("base", gguf, tmp_path / "bases" / "slm")
    assert (result.exit_code, result.stdout.startswith(f"{gguf}: ")) == (0, True)
    assert (tmp_path / "bases" / "slm" / "model.safetensors").is_file()
    assert (tmp_path / "bases" / "slm" / "origin.json").is_file()


def test_a_base_that_is_rewritten_does_not_say_where_it_came_from(run: Callable[..., Result], gguf: Path, tmp_path: Path) -> None:
    assert run("base", gguf, tmp_path / "slm", "--bf16").exit_code == 0
    assert not (tmp_path / "slm" / "origin.json").exists()


def test_a_truncated_gguf_file_is_refused(fails: Callable, gguf: Path, tmp_path: Path) -> None:
    gguf.write_bytes(gguf.read_bytes()[:1000])
    said = fails("base", gguf, tmp_path / "slm")
    assert said.startswith(f"Error: BaseModelError: {gguf} is truncated or damaged: it has 1,000 bytes.")
    assert not (tmp_path / "slm").exists()
