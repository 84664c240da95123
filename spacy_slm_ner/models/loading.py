"""From a base to a causal language model with its tokenizer."""

import hashlib
import inspect
import os
from functools import cache
from pathlib import Path
from typing import Any, Optional

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from ..errors import BaseModelError
from .bases import find_base
from .chat import ChatTokenizer


def load_causal_lm(name: str, revision: Optional[str], dtype: torch.dtype, device: torch.device) -> tuple[Any, ChatTokenizer]:
    """Load a base.

    name (str): A hub id or a local folder, as for `find_base`; a folder with a config but no weights gives random ones.
    revision (Optional[str]): Of the hub.
    dtype (torch.dtype): Of its weights.
    device (torch.device): Where to put it.
    RETURNS (tuple[Any, ChatTokenizer]): The model, as transformers has it, and its tokenizer.
    RAISES (BaseModelError): If it cannot be found or loaded, or cannot write texts.
    """
    folder = find_base(name, revision, weights=not has_config_alone(name))
    use_one_thread_after_fork()
    try:
        chat = load_tokenizer(folder)
        model = load_model(folder, dtype)
    except BaseModelError:
        raise
    except Exception as error:  # those of transformers, tokenizers and safetensors have no base of their own
        raise BaseModelError(
            f"Cannot load {name!r} from {folder} as a causal language model: {error} "
            "Name a base that AutoModelForCausalLM and AutoTokenizer load, such as HuggingFaceTB/SmolLM2-135M-Instruct."
        ) from error
    rows = model.get_input_embeddings().num_embeddings
    if len(chat.tokenizer) > rows:
        raise BaseModelError(f"The tokenizer of {name!r} has {len(chat.tokenizer)} pieces, its model embeds {rows} only.")
    return model.to(device), chat


def has_config_alone(name: str) -> bool:
    """Whether a base is a folder that describes a model without any weights; pickled ones are not taken for none."""
    return Path(name).is_dir() and not any(file for pattern in ("*.safetensors", "*.bin") for file in Path(name).glob(pattern))


def load_model(folder: Path, dtype: torch.dtype) -> Any:
    """The model of a folder, with random weights if it has none.

    RAISES (ValueError): If weights are missing, or the model cannot be decoded in batches.
    """
    config = AutoConfig.from_pretrained(folder)
    if any(folder.glob("*.safetensors")):
        model, info = AutoModelForCausalLM.from_pretrained(
            folder, config=config, torch_dtype=dtype, use_safetensors=True, output_loading_info=True
        )
        if info["missing_keys"]:
            raise ValueError(f"It has no weights for {sorted(info['missing_keys'])[:3]}.")
    else:
        model = AutoModelForCausalLM.from_config(config, torch_dtype=dtype)
    lacking = {"position_ids", "past_key_values", "logits_to_keep"} - set(inspect.signature(model.forward).parameters)
    if lacking:
        raise ValueError(f"{type(model).__name__} cannot be decoded in batches, it does not take {sorted(lacking)}.")
    return model


@cache
def use_one_thread_after_fork() -> None:
    """Let processes that `nlp.pipe(n_process=...)` forks compute in one thread: OpenMP's threads do not survive a fork, and
    waiting for them never ends."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def load_tokenizer(folder: Path) -> ChatTokenizer:
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise BaseModelError(f"The base in {folder} has no fast tokenizer (tokenizer.json), which is needed.")
    return ChatTokenizer(tokenizer)


def base_state(model: Any) -> dict[str, torch.Tensor]:
    """Weights of a base by their own names, whether peft has put adapters around it or not."""
    return {name.replace(".base_layer.", "."): value for name, value in model.state_dict().items() if ".lora_" not in name}


def fingerprint(model: Any) -> str:
    """Digest of names, shapes and samples of a base's weights: tells one checkpoint from another at no cost.

    Taken of bf16 values, so that a model loaded in another precision is the same.
    """
    digest = hashlib.sha256()
    for name, value in sorted(base_state(model).items()):
        sample = value.detach().flatten()[:256].to("cpu", torch.bfloat16).view(torch.int16)
        digest.update(f"{name} {tuple(value.shape)}".encode() + sample.numpy().tobytes())
    return digest.hexdigest()
