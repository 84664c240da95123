"""Named LoRA adapters over one base: making, switching, and their files, which are those of peft."""

import re
from copy import copy, deepcopy
from pathlib import Path
from typing import Any, Optional

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.nn import Linear, ModuleDict

from ...errors import BaseModelError
from .int8 import quantize
from .lora_linear import make_fast
from .quiet import quiet

DEFAULT = "default"
WEIGHTS = "adapter_model.safetensors"
NAME = re.compile(r"[A-Za-z0-9_-]+")


def add_adapter(model: Any, name: str, config: LoraConfig) -> PeftModel:
    """Put a new adapter around a base, beside those that it has. Its layers are trained in our way, see `LoraLinear`.

    RAISES (BaseModelError): If the name cannot be one, is taken, or the base has none of the layers.
    """
    if not NAME.fullmatch(name) or hasattr(ModuleDict(), name):
        raise BaseModelError(
            f"Got the adapter name {name!r}. Allowed are letters, digits, _ and -. Words of torch, such as 'train', are not."
        )
    if name in adapter_names(model):
        raise BaseModelError(f"There is an adapter {name!r} already. Take another name.")
    try:
        with quiet():
            if isinstance(model, PeftModel):
                model.add_adapter(name, config)
            else:
                model = get_peft_model(model, config, adapter_name=name)
    except ValueError as error:
        raise cannot_adapt(model, str(error)) from error
    if not adapter_state(model, name):
        # Before peft 0.18 this is no error of its own.
        model.delete_adapter(name)
        raise cannot_adapt(model, f"It has no layers {config.target_modules}.")
    make_fast(model)
    return model


def cannot_adapt(model: Any, reason: str) -> BaseModelError:
    linear = [path for path, layer in base_of(model).named_modules() if isinstance(layer, Linear)]
    # Without the matrices of adapters that are there.
    own = {path.removesuffix(".base_layer") for path in linear if ".lora_" not in path}
    layers = sorted({path.rpartition(".")[2] for path in own})
    return BaseModelError(f"Cannot adapt the base: {reason} Its linear layers are {', '.join(layers)}.")


def adapter_names(model: Any) -> list[str]:
    """Names of all adapters of a model."""
    return list(model.peft_config) if isinstance(model, PeftModel) else []


def base_of(model: Any) -> Any:
    """Return the model inside of adapters."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def active_adapter(model: Any) -> Optional[str]:
    return str(model.active_adapter) if isinstance(model, PeftModel) else None


def use_adapter(model: Any, name: str) -> None:
    """Switch to an adapter.

    RAISES (BaseModelError): If there is none of this name.
    """
    if name not in adapter_names(model):
        known = ", ".join(adapter_names(model)) or "none"
        raise BaseModelError(f"Got the adapter {name!r}, there are: {known}. Add it with `load_adapter` first.")
    model.set_adapter(name)


def train_adapters_alone(model: Any) -> None:
    """Let the adapters of a model be in training mode, with their dropout, and all else of it in evaluation mode."""
    base_of(model).eval()
    for layer in model.modules():
        if isinstance(layer, LoraLayer):
            layer.train()


def save_adapter(model: PeftModel, name: str, folder: Path, base: Optional[str]) -> None:
    """Write an adapter as peft does: adapter_config.json and safetensors.

    base (Optional[str]): What the config says about its base: a hub id, or nothing, because a folder is not the same elsewhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = copy(model.peft_config[name])
    config.base_model_name_or_path = base
    if isinstance(config.target_modules, set):
        # The same adapter gives the same file.
        config.target_modules = sorted(config.target_modules)
    config.save_pretrained(str(folder))
    save_file({key: value.contiguous() for key, value in adapter_state(model, name).items()}, folder / WEIGHTS)


def adapter_state(model: PeftModel, name: str) -> dict[str, torch.Tensor]:
    """Return the weights of an adapter by the names that peft gives them in its files: without that of the adapter."""
    found = {key: re.fullmatch(rf"(.*\.lora_\w+)\.{re.escape(name)}(\.\w+)?", key) for key in model.state_dict()}
    state = model.state_dict()
    return {match[1] + (match[2] or ""): state[key] for key, match in found.items() if match}


def load_adapter(model: Any, name: str, folder: Path) -> PeftModel:
    """Put an adapter around a base from its files.

    RAISES (BaseModelError): If there are no such files, or they do not fit the base.
    """
    if not (folder / WEIGHTS).is_file() or not (folder / "adapter_config.json").is_file():
        raise BaseModelError(f"There is no adapter in {folder}: it needs adapter_config.json and {WEIGHTS}.")
    config = LoraConfig.from_pretrained(str(folder))
    config.inference_mode = False
    config.base_model_name_or_path = None
    first = not isinstance(model, PeftModel)
    adapted = add_adapter(model, name, config)
    try:
        fill_adapter(adapted, name, folder)
    except BaseModelError:
        if first:
            adapted.unload()
        else:
            adapted.delete_adapter(name)
        raise
    return adapted


def fill_adapter(model: PeftModel, name: str, folder: Path) -> None:
    """Read the weights of an adapter. RAISES (BaseModelError): If they are not those that it has."""
    weights = adapter_state(model, name)
    try:
        read = load_file(folder / WEIGHTS)
    except SafetensorError as error:
        raise BaseModelError(f"The adapter in {folder} cannot be read: {error}") from error
    for places, others, lack in ((read, weights, "the base lacks"), (weights, read, "it has no weights for")):
        missing = [key for key in places if key not in others]
        if missing:
            raise BaseModelError(f"The adapter in {folder} does not fit the base: {lack} {missing[:3]}.")
    for key, value in weights.items():
        if value.shape != read[key].shape:
            raise BaseModelError(
                f"The adapter in {folder} does not fit the base: {key} has the shape {tuple(read[key].shape)} and not "
                f"{tuple(value.shape)}."
            )
        value.copy_(read[key])


def for_use(model: Any, dtype: torch.dtype, int8: bool = False) -> Any:
    """Prepare a model for use: in the type that it computes in, its active adapter merged into the weights.

    model (Any): As transformers has it, or a `PeftModel` around it.
    int8 (bool): Whether to round the weights to eight bits.
    RETURNS (Any): The model itself if there is nothing to do, or else a copy.
    """
    adapted = isinstance(model, PeftModel)
    if not adapted and model.dtype == dtype and not int8:
        return model
    copied = deepcopy(model)
    merged = (copied.merge_and_unload() if adapted else copied).to(dtype)
    return quantize(merged) if int8 else merged
