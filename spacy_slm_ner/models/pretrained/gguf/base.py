"""From a GGUF file to the folder of a base."""

from pathlib import Path
from typing import Any

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, PretrainedConfig

from ....errors import BaseModelError
from ..base_files import save_base
from ..quiet import quiet
from .config import ARCHITECTURES, read_config
from .file import GgufFile, read_gguf
from .tokenizer import build_tokenizer
from .weights import read_weights

# Counts up when a conversion gives other files than before.
CONVERSION = 1


def convert_gguf(path: Path, folder: Path) -> GgufFile:
    """Write a GGUF file as the folder of a base, in bf16.

    path (Path): The file.
    folder (Path): Is made if it is not there.
    RETURNS (GgufFile): What the file says of itself.
    RAISES (BaseModelError): If it is damaged, or cannot be read exactly.
    """
    gguf = read_gguf(path)
    config = read_config(gguf)
    tokenizer = build_tokenizer(gguf, config.max_position_embeddings)
    save_base(load_weights(gguf, config), tokenizer, folder)
    return gguf


def load_weights(gguf: GgufFile, config: PretrainedConfig) -> Any:
    """Put the weights of a GGUF file into a model of transformers, in bf16.

    RAISES (BaseModelError): If they are not all that the model has.
    """
    layout = ARCHITECTURES[gguf.fields["general.architecture"]].layout
    state = dict(read_weights(gguf, layout, config.num_attention_heads, config.num_key_value_heads))
    with quiet():
        model, info = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)].from_pretrained(
            None,
            config=config,
            state_dict=state,
            torch_dtype=torch.bfloat16,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    # Those of another shape come with both shapes.
    other = [key if isinstance(key, str) else key[0] for key in info["mismatched_keys"]]
    found = {"no weights for": info["missing_keys"], "no place for": info["unexpected_keys"], "another shape for": other}
    for what, names in found.items():
        if names:
            raise BaseModelError(
                f"{gguf.path} has {what} {sorted(names)[:3]} in the model that its fields describe. Convert the model again, or "
                "name the one that the file was made of, in a folder or on the hub."
            )
    return model
