"""From a base to a causal language model with its tokenizer."""

import hashlib
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
    folder = find_base(name, revision, weights=False)
    use_one_thread_after_fork()
    try:
        chat = load_tokenizer(folder)
        config = AutoConfig.from_pretrained(folder)
        if any(folder.glob("*.safetensors")):
            model = AutoModelForCausalLM.from_pretrained(folder, config=config, torch_dtype=dtype, use_safetensors=True)
        else:
            model = AutoModelForCausalLM.from_config(config, torch_dtype=dtype)
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, BaseModelError):
            raise
        raise BaseModelError(
            f"Cannot load {name!r} from {folder} as a causal language model: {error} "
            "Name a base that AutoModelForCausalLM and AutoTokenizer load, such as HuggingFaceTB/SmolLM2-135M-Instruct."
        ) from error
    rows = model.get_input_embeddings().num_embeddings
    if len(chat.tokenizer) > rows:
        raise BaseModelError(f"The tokenizer of {name!r} has {len(chat.tokenizer)} pieces, its model embeds {rows} only.")
    return model.to(device), chat


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
