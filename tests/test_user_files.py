from pathlib import Path

import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.user_files import read_yaml


def test_yaml_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("\ufeffa: [1]\n", encoding="utf8")
    assert read_yaml(tmp_path / "x.yml") == {"a": [1]}


def test_what_is_no_yaml_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text("a: [", encoding="utf8")
    with pytest.raises(ReadError, match=r"x\.yml is not YAML: "):
        read_yaml(tmp_path / "x.yml")


def test_a_missing_file_is_not_called_bad_yaml(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"^Cannot read .*absent\.yml: No such file"):
        read_yaml(tmp_path / "absent.yml")
