"""From a base to a model with its tokenizer."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedTokenizerFast

from ...errors import BaseModelError
from .chat_tokenizer import ChatTokenizer
from .fork_safety import guard_forks
from .hub import find_base
from .quiet import quiet
from .tokenizer_files import load_tokenizer

# What some encoders put on top of the states of tokens.
POOLER = "pooler"


def load_causal_lm(name: str, revision: Optional[str], dtype: torch.dtype, device: torch.device) -> tuple[Any, ChatTokenizer]:
    """Load a base that writes.

    name (str): A hub id, a GGUF file or a local folder, as for `find_base`; a folder with a config but no weights gives random
        ones.
    revision (Optional[str]): Of the hub.
    dtype (torch.dtype): Of its weights.
    device (torch.device): Where to put it.
    RETURNS (tuple[Any, ChatTokenizer]): The model, as transformers has it, and its tokenizer.
    RAISES (BaseModelError): If it cannot be found or loaded, or cannot write texts.
    """
    folder = find_base(name, revision, weights=not has_config_alone(name))
    like = "a causal language model", "AutoModelForCausalLM", "HuggingFaceTB/SmolLM2-135M-Instruct"
    with loading_errors(name, folder, *like):
        chat = ChatTokenizer(load_tokenizer(folder))
        model = load_model(folder, dtype, AutoModelForCausalLM)
    check_rows(name, model, chat.tokenizer)
    return model.to(device), chat


def load_encoder(
    name: str, revision: Optional[str], dtype: torch.dtype, device: torch.device, layers: Optional[int] = None
) -> tuple[Any, PreTrainedTokenizerFast]:
    """Load a base that reads, without the head of any task.

    name (str): As for `load_causal_lm`, also for what is not said here.
    layers (Optional[int]): Number of its layers to load; None for all.
    RETURNS (tuple[Any, PreTrainedTokenizerFast]): The model, as `AutoModel` gives it, and its tokenizer.
    RAISES (BaseModelError): If it cannot be found or loaded, or reads no texts.
    """
    folder = find_base(name, revision, weights=not has_config_alone(name))
    with loading_errors(name, folder, "an encoder", "AutoModel", "distilbert/distilbert-base-cased"):
        tokenizer = load_tokenizer(folder)
        model = load_model(folder, dtype, AutoModel, layers)
        if model.config.is_encoder_decoder:
            raise ValueError(f"{type(model).__name__} is an encoder with a decoder, and only one of both is used.")
    if hasattr(model, POOLER):
        setattr(model, POOLER, None)
    check_rows(name, model, tokenizer)
    return model.to(device), tokenizer


def hidden_size(name: str, revision: Optional[str]) -> int:
    """Read how many values the states of an encoder have.

    name (str): As for `load_causal_lm`.
    revision (Optional[str]): Of the hub.
    RAISES (BaseModelError): If it cannot be found, or says nothing of the kind.
    """
    folder = find_base(name, revision, weights=not has_config_alone(name))
    with loading_errors(name, folder, "an encoder", "AutoModel", "distilbert/distilbert-base-cased"):
        size: int = AutoConfig.from_pretrained(folder).hidden_size
    return size


@contextmanager
def loading_errors(name: str, folder: Path, kind: str, loader: str, example: str) -> Iterator[None]:
    """Turn errors of transformers, tokenizers and safetensors, which have no base of their own, into a `BaseModelError`."""
    try:
        yield
    except BaseModelError:
        raise
    except Exception as error:
        raise BaseModelError(
            f"Cannot load {name!r} from {folder} as {kind}: {error} "
            f"Name a base that {loader} and AutoTokenizer load, such as {example}."
        ) from error


def check_rows(name: str, model: Any, tokenizer: PreTrainedTokenizerFast) -> None:
    """RAISES (BaseModelError): If a tokenizer has pieces that its model does not know."""
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > rows:
        raise BaseModelError(f"The tokenizer of {name!r} has {len(tokenizer)} tokens, its model embeds {rows} only.")


def has_config_alone(name: str) -> bool:
    """Whether a base is a folder that describes a model without any weights; pickled ones are not taken for none."""
    return Path(name).is_dir() and not any(file for pattern in ("*.safetensors", "*.bin") for file in Path(name).glob(pattern))


def load_model(folder: Path, dtype: torch.dtype, auto: Any, layers: Optional[int] = None) -> Any:
    """Load the model of a folder, with random weights if it has none.

    auto (Any): Class of transformers that loads it.
    layers (Optional[int]): Number of its layers to load; None for all.
    RAISES (ValueError): If weights or layers are missing.
    """
    guard_forks()
    config = AutoConfig.from_pretrained(folder)
    if layers is not None:
        if layers > config.num_hidden_layers:
            raise ValueError(f"Got layers = {layers}, but it has {config.num_hidden_layers}.")
        config.num_hidden_layers = layers
    with quiet():
        if not any(folder.glob("*.safetensors")):
            return auto.from_config(config, torch_dtype=dtype)
        model, info = auto.from_pretrained(
            folder, config=config, torch_dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    missing = sorted(name for name in info["missing_keys"] if POOLER not in name.split("."))
    if missing:
        raise ValueError(f"It has no weights for {missing[:3]}.")
    return model
