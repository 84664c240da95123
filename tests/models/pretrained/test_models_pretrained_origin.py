from pathlib import Path

import pytest

from spacy_slm_ner.models.pretrained.origin import FILE, Origin, drop_origin, read_origin, sha256_of, write_origin

ORIGIN = Origin("some/base", "model.gguf", "Q4_1", "ab" * 32, "some-base", "1.0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "base"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    write_origin(ORIGIN, folder)
    return folder


def test_what_is_written_is_read(folder: Path) -> None:
    assert read_origin(folder) == ORIGIN


def test_other_files_may_come(folder: Path) -> None:
    (folder / "README.md").write_text("A base.")
    assert read_origin(folder) == ORIGIN


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "chat_template.jinja"])
def test_a_base_that_has_changed_has_no_origin(name: str, folder: Path) -> None:
    (folder / name).write_text("{ }")
    assert read_origin(folder) is None


def test_a_base_that_lacks_a_file_has_no_origin(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    assert read_origin(folder) is None


@pytest.mark.parametrize("content", [None, "", "[]", "3", "{}", '{"files": {}}', '{"files": {}, "base": null, "more": 1}'])
def test_a_file_of_another_program_is_no_origin(content: str | None, folder: Path) -> None:
    (folder / FILE).unlink()
    if content is not None:
        (folder / FILE).write_text(content)
    assert read_origin(folder) is None


def test_it_is_forgotten(folder: Path) -> None:
    drop_origin(folder)
    drop_origin(folder)
    assert read_origin(folder) is None and not (folder / FILE).exists()


def test_digest_of_a_file_and_of_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    assert sha256_of(tmp_path / "empty").startswith("e3b0c442")
    assert sha256_of(tmp_path / "missing") == "none"
