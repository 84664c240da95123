"""From a base to a model with its tokenizer."""

import hashlib
import inspect
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Optional

import torch
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils import logging

from ...errors import BaseModelError
from .chat_tokenizer import ChatTokenizer
from .fork_safety import guard_forks
from .hub import find_base

# What a causal language model must take to be decoded in batches.
DECODED_WITH = ("position_ids", "past_key_values", "logits_to_keep")
# What some encoders put on top of the states of tokens.
POOLER = "pooler"


def load_causal_lm(name: str, revision: Optional[str], dtype: torch.dtype, device: torch.device) -> tuple[Any, ChatTokenizer]:
    """Load a base that writes.

    name (str): A hub id or a local folder, as for `find_base`; a folder with a config but no weights gives random ones.
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
        lacking = sorted(set(DECODED_WITH) - set(inspect.signature(model.forward).parameters))
        if lacking:
            raise ValueError(f"{type(model).__name__} cannot be decoded in batches, it does not take {lacking}.")
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
        if model.config.is_encoder_decoder or "attention_mask" not in inspect.signature(model.forward).parameters:
            raise ValueError(f"{type(model).__name__} is no encoder or decoder of texts.")
    if hasattr(model, POOLER):
        setattr(model, POOLER, None)
    check_rows(name, model, tokenizer)
    return model.to(device), tokenizer


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
    if not any(folder.glob("*.safetensors")):
        return auto.from_config(config, torch_dtype=dtype)
    with quiet():
        model, info = auto.from_pretrained(
            folder, config=config, torch_dtype=dtype, use_safetensors=True, output_loading_info=True
        )
    missing = sorted(name for name in info["missing_keys"] if not name.startswith(POOLER))
    if missing:
        raise ValueError(f"It has no weights for {missing[:3]}.")
    return model


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of transformers about weights that are missing or left over, which are looked at here."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise BaseModelError(f"The base in {folder} has no fast tokenizer (tokenizer.json), which is needed.")
    return tokenizer


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
