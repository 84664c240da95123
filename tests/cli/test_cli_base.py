from pathlib import Path
from typing import Callable

import pytest
from click.testing import Result


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
