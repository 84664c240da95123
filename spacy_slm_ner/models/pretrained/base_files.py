"""The files of a base that is stored, which every version of transformers reads alike."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from .quiet import quiet
from .tokenizer_files import save_tokenizer

# Where transformers 5 keeps the rotation of positions by kinds of layers: the kind, and what transformers 4 calls its base.
ROTATIONS = {"full_attention": "rope_theta", "sliding_attention": "rope_local_base_freq"}


def save_base(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write a base: its config, its weights as safetensors, and its tokenizer.

    model (Any): As transformers has it. Adapters around its layers are left out.
    folder (Path): Is made if it is not there.
    """
    with quiet():
        model.save_pretrained(folder, state_dict=base_state(model))
    path = folder / "config.json"
    config = readable_by_all(json.loads(path.read_text(encoding="utf8")))
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf8")
    save_tokenizer(tokenizer, folder)


def readable_by_all(config: dict[str, Any]) -> dict[str, Any]:
    """Rewrite a config.json of transformers 5 so that 4 reads it as well: for words that it does not know, it has defaults."""
    found = dict(config)
    # Of the machine that it was trained on.
    found.pop("_name_or_path", None)
    if "dtype" in found:
        found["torch_dtype"] = found.pop("dtype")
    rotation = found.get("rope_parameters") or {}
    for kind, name in ROTATIONS.items():
        if kind in rotation and "rope_theta" in rotation[kind]:
            found[name] = rotation[kind]["rope_theta"]
    if "rope_theta" in rotation:
        found["rope_theta"] = rotation["rope_theta"]
        if rotation.get("rope_type", "default") != "default":
            found["rope_scaling"] = {name: value for name, value in rotation.items() if name != "rope_theta"}
    if "partial_rotary_factor" in rotation:
        found["partial_rotary_factor"] = rotation["partial_rotary_factor"]
    return found


def base_state(model: Any) -> dict[str, torch.Tensor]:
    """Return the weights of a base by their own names, whether peft has put adapters around it or not."""
    return {name.replace(".base_layer.", "."): value for name, value in model.state_dict().items() if ".lora_" not in name}


def weights_fingerprint(model: Any) -> str:
    """Compute a digest of names, shapes and samples of a base's weights: tells one checkpoint from another at no cost.

    Taken of bf16 values, so that a model loaded in another precision is the same.
    """
    digest = hashlib.sha256()
    for name, value in sorted(base_state(model).items()):
        sample = value.detach().flatten()[:256].to("cpu", torch.bfloat16).view(torch.int16)
        digest.update(f"{name} {tuple(value.shape)}".encode() + sample.numpy().tobytes())
    return digest.hexdigest()
