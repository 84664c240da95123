import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gguf_files
import pytest
from gguf_files import make_model, write_gguf

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.gguf import cache as gguf_cache
from spacy_slm_ner.models.pretrained.gguf.cache import converted
from spacy_slm_ner.models.pretrained.origin import Origin, read_origin

ORIGIN = Origin(None, "model.gguf", "", "ab" * 32, None, None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "model.gguf", make_model(), gguf_files.tokenizer_fields(tmp_path / "tokenizer"), kind="Q8_0")


@pytest.fixture
def conversions(gguf_bases: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Files that are converted, one after the other."""
    made: list[Path] = []
    convert = gguf_cache.convert_gguf

    def counted(path: Path, folder: Path) -> Any:
        made.append(path)
        return convert(path, folder)

    monkeypatch.setattr(gguf_cache, "convert_gguf", counted)
    return made


def test_a_file_is_converted_once(
    path: Path, conversions: list[Path], gguf_bases: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "spacy_slm_ner"):
        first, second = converted(path, ORIGIN), converted(path, ORIGIN)
    assert first == second == gguf_bases / f"{'ab' * 32}-v{gguf_cache.CONVERSION}"
    assert conversions == [path]
    assert [record.getMessage() for record in caplog.records] == [f"Converting {path} to a base in {first}"]
    assert sorted(file.name for file in first.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "origin.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_it_says_where_it_came_from(path: Path, gguf_bases: Path) -> None:
    assert read_origin(converted(path, ORIGIN)) == Origin(None, "model.gguf", "Q8_0", "ab" * 32, None, None)


def test_another_file_and_another_version_of_the_code_are_converted_anew(
    path: Path, conversions: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {converted(path, ORIGIN), converted(path, Origin(None, "model.gguf", "", "cd" * 32, None, None))}
    monkeypatch.setattr(gguf_cache, "CONVERSION", gguf_cache.CONVERSION + 1)
    folders.add(converted(path, ORIGIN))
    assert len(folders) == len(conversions) == 3


def test_an_unfinished_conversion_is_not_used(path: Path, gguf_bases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, folder: Path) -> Any:
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(gguf_cache, "convert_gguf", interrupted)
        converted(path, ORIGIN)
    assert list(gguf_bases.iterdir()) == []
    # What a process that was killed has left.
    (gguf_bases / "unfinished-1").mkdir()
    assert (converted(path, ORIGIN) / "model.safetensors").is_file()


def test_two_processes_may_convert_at_once(path: Path, gguf_bases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    convert = gguf_cache.convert_gguf

    def overtaken(path: Path, folder: Path) -> Any:
        """Another process is done before this one."""
        gguf = convert(path, folder)
        shutil.copytree(folder, gguf_bases / f"{'ab' * 32}-v{gguf_cache.CONVERSION}")
        return gguf

    monkeypatch.setattr(gguf_cache, "convert_gguf", overtaken)
    folder = converted(path, ORIGIN)
    assert (folder / "model.safetensors").is_file()
    assert [one.name for one in gguf_bases.iterdir()] == [folder.name]


def test_many_at_once_find_the_same(path: Path, gguf_bases: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        folders = set(pool.map(lambda _: converted(path, ORIGIN), range(4)))
    assert len(folders) == 1
    assert read_origin(folders.pop()) is not None


def test_a_refused_file_leaves_nothing(path: Path, gguf_bases: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BaseModelError, match="truncated"):
        converted(path, ORIGIN)
    assert list(gguf_bases.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_cache, "cache", lambda: tmp_path / "missing" / "bases")
    with pytest.raises(BaseModelError, match=r"Cannot keep the conversion of .*: .* Set HF_HOME to a folder with room"):
        converted(path, ORIGIN)


def test_it_is_in_the_cache_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.utils._cache_assets.HF_ASSETS_CACHE", str(tmp_path))
    assert gguf_cache.cache() == tmp_path / "spacy_slm_ner" / "gguf" / "bases"
    assert os.access(gguf_cache.cache(), os.W_OK)
