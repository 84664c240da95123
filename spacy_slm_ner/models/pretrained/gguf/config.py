"""The config of a GGUF file.

What is left out of a file, such as biases or the scaling of positions, gives another model without complaint. So each
architecture has a list of the fields and weights that are read, and a file with others is refused.
"""

import math
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy as np
import transformers
from transformers import CONFIG_MAPPING, AutoConfig, PretrainedConfig

from ....errors import BaseModelError
from .file import GgufFile
from .tokenizer import PREFIX
from .weights import HEAD_NORMS, ROPE_FACTORS, Layout, dequantize

# Fields of all architectures, and what transformers calls them.
SIZES = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
}
OPTIONAL = (
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "rope.dimension_count",
    "rope.freq_base",
    "vocab_size",
)
# Values of other fields that change nothing.
NEUTRAL = {
    "attention.causal": ("True",),
    "expert_count": ("0",),
    "expert_used_count": ("0",),
    "rope.scaling.type": ("none",),
    "rope.scaling.finetuned": ("True", "False"),
}
# Numbers of special pieces.
TOKENS = {"bos_token_id": "bos", "eos_token_id": "eos", "pad_token_id": "padding"}
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


@dataclass(frozen=True)
class Architecture:
    """What is read of the files of an architecture.

    model_type (str): Its name in transformers.
    layout (Layout): Of its weights.
    fields (tuple[str, ...]): Fields that not all have.
    config (Callable[[GgufFile, dict[str, Any]], dict[str, Any]]): Computes the part of the config that not all have, from the
        file and the other part.
    """

    model_type: str
    layout: Layout
    fields: tuple[str, ...]
    config: Callable[[GgufFile, dict[str, Any]], dict[str, Any]]


def llama_config(gguf: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    if ROPE_FACTORS not in gguf.tensors:
        return {}
    found = dequantize(gguf, gguf.tensors[ROPE_FACTORS])
    factor = float(found.max())
    if not np.allclose(found, llama3_factors(config["head_dim"], config["rope_theta"], factor), rtol=1e-4):
        raise refusal(gguf, f"the weights {ROPE_FACTORS}, which are not those of Llama 3")
    return {"rope_scaling": {"rope_type": "llama3", "factor": factor, **LLAMA3}}


def llama3_factors(width: int, theta: float, factor: float) -> np.ndarray:
    """Compute by what the wave lengths of Llama 3 are stretched: long ones by a factor, short ones not, others in between.

    RETURNS (np.ndarray): Shape: (width / 2,).
    """
    lengths = 2 * math.pi * theta ** (np.arange(0, width, 2) / width)
    low, high = LLAMA3["low_freq_factor"], LLAMA3["high_freq_factor"]
    share = (LLAMA3["original_max_position_embeddings"] / lengths - low) / (high - low)
    return 1 / np.interp(share, [0.0, 1.0], [1 / factor, 1.0])


def gemma3_config(gguf: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    pattern = fields_of(gguf).get("attention.sliding_window_pattern", 6)
    if not np.array_equal(pattern, 6) and not np.array_equal(pattern, gemma3_layers(config["num_hidden_layers"])):
        raise refusal(gguf, f"the field attention.sliding_window_pattern = {pattern}, allowed is 6")
    return {
        "sliding_window": number(gguf, "attention.sliding_window"),
        "rope_local_base_freq": number(gguf, "rope.freq_base_swa", 10000.0),
        "query_pre_attn_scalar": config["head_dim"],
    }


def gemma3_layers(layers: int) -> list[bool]:
    """Say which layers have a sliding window: all but every sixth."""
    return [number % 6 != 5 for number in range(layers)]


def no_more(gguf: GgufFile, config: dict[str, Any]) -> dict[str, Any]:
    return {}


NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
AROUND = {
    "attn_norm": "input_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
SLIDING = ("attention.sliding_window", "attention.sliding_window_pattern", "rope.freq_base_swa")
# By the names in the files.
ARCHITECTURES = {
    "llama": Architecture("llama", Layout(NORMS, interleaved=True), (), llama_config),
    "qwen2": Architecture("qwen2", Layout(NORMS, biased=("attn_q", "attn_k", "attn_v")), (), no_more),
    "qwen3": Architecture("qwen3", Layout(NORMS | HEAD_NORMS), (), no_more),
    "gemma3": Architecture("gemma3_text", Layout(AROUND | HEAD_NORMS, norm_offset=1.0), SLIDING, gemma3_config),
}


def read_config(gguf: GgufFile) -> PretrainedConfig:
    """Make the config of a GGUF file.

    RAISES (BaseModelError): If the architecture is not known, or something of it is not read.
    """
    name = gguf.fields.get("general.architecture")
    known = ARCHITECTURES.get(str(name))
    if known is None:
        raise BaseModelError(
            f"{gguf.path} has the architecture {name!r}, allowed are {', '.join(ARCHITECTURES)}. "
            "Name the model that it was made of, in a folder or on the hub."
        )
    if known.model_type not in CONFIG_MAPPING:
        raise BaseModelError(
            f"transformers {transformers.__version__} does not know {known.model_type}, which {gguf.path} is. "
            "Take a newer transformers."
        )
    check_all_is_read(gguf, known)
    config = shared_config(gguf)
    return AutoConfig.for_model(known.model_type, **config, **known.config(gguf, config))


def check_all_is_read(gguf: GgufFile, known: Architecture) -> None:
    """RAISES (BaseModelError): If a file has fields or weights of its architecture that are not read."""
    read = {*SIZES, *OPTIONAL, *known.fields}
    for name, value in fields_of(gguf).items():
        if name not in read and str(value) not in NEUTRAL.get(name, ()):
            raise refusal(gguf, f"the field {name} = {value}")
    for name in gguf.tensors:
        if known.layout.name(name) is None and not (name == ROPE_FACTORS and known.config is llama_config):
            raise refusal(gguf, f"the weights {name}")


def shared_config(gguf: GgufFile) -> dict[str, Any]:
    """Make the part of a config that all architectures have."""
    config = {name: number(gguf, own) for own, name in SIZES.items()}
    heads = config["num_attention_heads"]
    width = number(gguf, "attention.key_length", config["hidden_size"] // heads)
    if {number(gguf, name, width) for name in ("attention.value_length", "rope.dimension_count")} != {width}:
        raise refusal(gguf, f"heads of {width} values of which not all are rotated, or not all are written")
    embedding = gguf.tensors.get("token_embd.weight")
    return {
        **config,
        **{name: gguf.fields.get(f"{PREFIX}{short}_token_id") for name, short in TOKENS.items()},
        "num_key_value_heads": number(gguf, "attention.head_count_kv", heads),
        "head_dim": width,
        "rms_norm_eps": shortest(number(gguf, "attention.layer_norm_rms_epsilon")),
        "rope_theta": number(gguf, "rope.freq_base", 10000.0),
        "vocab_size": embedding.shape[-1] if embedding else 0,
        "tie_word_embeddings": "output.weight" not in gguf.tensors,
    }


def fields_of(gguf: GgufFile) -> dict[str, Any]:
    """Return the fields of the architecture of a file, without its name in front."""
    start = f"{gguf.fields['general.architecture']}."
    return {name.removeprefix(start): value for name, value in gguf.fields.items() if name.startswith(start)}


def number(gguf: GgufFile, name: str, default: Optional[float] = None) -> Any:
    """Return a field that is a number.

    default (Optional[float]): Its value where the file has no such field; None if it must have one.
    """
    value = fields_of(gguf).get(name, default)
    if isinstance(value, int | float) and value > 0:
        return value
    found = "no field" if value is None else f"{value} as the field"
    raise BaseModelError(
        f"{gguf.path} has {found} {name}, which must be a number above 0. Convert the model again, with a newer llama.cpp."
    )


def shortest(value: float) -> float:
    """Return the shortest number that is the same as a 32-bit one."""
    return float(str(np.float32(value)))


def refusal(gguf: GgufFile, what: str) -> BaseModelError:
    """An error for what would be left out."""
    return BaseModelError(
        f"{gguf.path} has {what}. This is not read, and the model would be another without it. "
        "Name the model that it was made of, in a folder or on the hub."
    )
