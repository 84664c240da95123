"""Adapters that have learned a task already, as the first weights of new ones."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from ...errors import BaseModelError
from .adapters import WEIGHTS, fill_adapter
from .lora import AUTO, LoraSettings

logger = logging.getLogger("spacy_slm_ner")

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class BundledAdapter:
    """An adapter that comes with this package.

    base (str): Name of the base that it was trained over.
    task_type (str): As peft names it.
    folder (Path): Its files.
    """

    base: str
    task_type: str
    folder: Path


BUNDLED_ADAPTERS = {
    "spacy-slm-ner/smollm2-ner": BundledAdapter("HuggingFaceTB/SmolLM2-135M-Instruct", "CAUSAL_LM", DATA / "smollm2-ner"),
}


def start_adapter(model: Any, name: str, lora: LoraSettings, base: str, task_type: str) -> None:
    """Fill a new adapter with the weights that its settings name.

    model (Any): With the adapter around it.
    name (str): Of the adapter.
    lora (LoraSettings): Its settings; without a start, its weights stay as they are.
    base (str): Name of the base.
    task_type (str): As peft names it.
    RAISES (BaseModelError): If the weights that are named are not there, or are not for such an adapter.
    """
    if lora.start == AUTO:
        start_by_itself(model, name, lora, base, task_type)
    elif lora.start is not None:
        folder = find_adapter(lora.start)
        reason = mismatch(folder, lora)
        if reason:
            raise BaseModelError(f"Got start = {lora.start!r} for an adapter that it cannot be the start of: {reason}.")
        fill_adapter(model, name, folder)


def start_by_itself(model: Any, name: str, lora: LoraSettings, base: str, task_type: str) -> None:
    """Fill a new adapter with the weights that come with the package for its base, if there are any."""
    for known, bundled in BUNDLED_ADAPTERS.items():
        if (bundled.base, bundled.task_type) == (base, task_type):
            reason = mismatch(bundled.folder, lora)
            if reason:
                logger.warning("The adapter begins with new weights, and not with those of %s: %s.", known, reason)
            else:
                fill_adapter(model, name, bundled.folder)


def find_adapter(start: str) -> Path:
    """Find the folder of an adapter.

    start (str): The folder, or the name of an adapter that comes with this package.
    RAISES (BaseModelError): If there is no such adapter.
    """
    folder = BUNDLED_ADAPTERS[start].folder if start in BUNDLED_ADAPTERS else Path(start)
    if not (folder / WEIGHTS).is_file() or not (folder / "adapter_config.json").is_file():
        raise BaseModelError(
            f"Got start = {start!r}, but there is no adapter_config.json with {WEIGHTS}. Name a folder that has both, such as "
            f"model-best/slm_ner/model/adapters/default, or one of {', '.join(BUNDLED_ADAPTERS)}, or null for new weights."
        )
    return folder


def mismatch(folder: Path, lora: LoraSettings) -> Optional[str]:
    """Say why an adapter cannot be the start of another; None if it can. Their layers are compared when it is read."""
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf8"))
    theirs, ours = (config["r"], config["lora_alpha"]), (lora.r, lora.alpha)
    if theirs[0] != ours[0] or theirs[1] / theirs[0] != ours[1] / ours[0]:
        return f"it has r = {theirs[0]} and alpha = {theirs[1]}, but r = {ours[0]} and alpha = {ours[1]} are asked for"
    return None
