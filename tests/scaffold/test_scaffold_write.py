from pathlib import Path

import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.scaffold import write_files
from spacy_slm_ner.scaffold.project import package_name_of

FILES = {"a.txt": "new\n", "b/c.txt": "日付\n"}


def test_files_are_written_with_their_folders(tmp_path: Path) -> None:
    write_files(tmp_path / "new" / "folder", FILES)
    assert (tmp_path / "new" / "folder" / "b" / "c.txt").read_bytes() == "日付\n".encode()


def test_a_file_that_is_there_stops_all(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("precious")
    with pytest.raises(ReadError, match=r"There is a\.txt in .* already, so nothing was written\. .* replace it with --force"):
        write_files(tmp_path, FILES)
    assert (tmp_path / "a.txt").read_text() == "precious" and not (tmp_path / "b").exists()


def test_force_replaces_the_files_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.txt", "other.txt"):
        (tmp_path / name).write_text("old")
    write_files(tmp_path, FILES, force=True)
    assert [(tmp_path / name).read_text() for name in ("a.txt", "other.txt")] == ["new\n", "old"]


def test_a_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReadError, match="Cannot write"):
        write_files(tmp_path / "file", FILES)


@pytest.mark.parametrize(
    ("folder", "name"), [("my-project", "my_project"), ("Kündigungen 2", "k_ndigungen_2"), ("日付", "entities"), ("", "entities")]
)
def test_a_package_is_named_like_the_folder(folder: str, name: str) -> None:
    assert package_name_of(folder) == name
