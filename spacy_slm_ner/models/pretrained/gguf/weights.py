"""The weights of a GGUF file by the names, and in the order of values, that transformers has.

transformers reads such files too, but what it reads differs from version to version, it takes most of its time for names, and
from 5 on it does not save what it has read.
"""

import math
import re
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch

from .file import GgufFile, GgufTensor, import_gguf

# Factors of the rotation of positions, which transformers computes from its config.
ROPE_FACTORS = "rope_freqs.weight"
OUTSIDE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LAYER = re.compile(r"blk[.]([0-9]+)[.](.+)")
PROJECTIONS = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
HEAD_NORMS = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}


@dataclass(frozen=True)
class Layout:
    """How the weights of an architecture are laid out.

    norms (dict[str, str]): Names of a layer's norms, in the file and in transformers.
    biased (tuple[str, ...]): Projections that have biases.
    interleaved (bool): Whether values that are rotated together lie side by side in the file; in transformers, they lie half a
        head apart.
    norm_offset (float): What the file adds to the weights of norms.
    """

    norms: dict[str, str]
    biased: tuple[str, ...] = ()
    interleaved: bool = False
    norm_offset: float = 0.0

    def name(self, name: str) -> str | None:
        """Return the name that transformers has for weights; None if they are not known."""
        found = LAYER.fullmatch(name)
        part, _, kind = (found[2] if found else name).rpartition(".")
        if kind != "weight" and not (kind == "bias" and part in self.biased):
            return None
        own = {**PROJECTIONS, **self.norms}.get(part) if found else OUTSIDE.get(part)
        return own and (f"model.layers.{found[1]}.{own}.{kind}" if found else f"{own}.{kind}")


def read_weights(gguf: GgufFile, layout: Layout, heads: int, key_heads: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Read weights as transformers has them.

    gguf (GgufFile): All of its weights are known to the layout.
    heads (int): Number of heads ...
    key_heads (int): ... and of those of the keys.
    YIELDS (tuple[str, torch.Tensor]): Names and weights, in bf16.
    """
    for name, tensor in gguf.tensors.items():
        own = layout.name(name)
        if own is None:
            continue
        values = dequantize(gguf, tensor)
        if layout.norm_offset and "norm." in name:
            values = values - layout.norm_offset
        if layout.interleaved and (".attn_q." in name or ".attn_k." in name):
            values = part_halves(values, heads if ".attn_q." in name else key_heads)
        yield own, torch.from_numpy(values).to(torch.bfloat16)


def dequantize(gguf: GgufFile, tensor: GgufTensor) -> np.ndarray:
    """Read weights of any kind as 32-bit floats."""
    package = import_gguf()
    data = np.fromfile(gguf.path, np.uint8, tensor.size, offset=tensor.offset)
    rows = data.reshape(*tensor.shape[:0:-1], -1)
    kind = package.GGMLQuantizationType[tensor.kind]
    if kind in (package.GGMLQuantizationType.F32, package.GGMLQuantizationType.F16):
        # Not bytes to the package.
        rows = rows.view(np.float32 if kind == package.GGMLQuantizationType.F32 else np.float16)
    values: np.ndarray = package.quants.dequantize(rows, kind).astype(np.float32)
    return values.reshape(tensor.shape[::-1])


def part_halves(values: np.ndarray, heads: int) -> np.ndarray:
    """Put the values of each head in another order: first those in even places, then those in odd ones."""
    pairs = values.reshape(heads, -1, 2, math.prod(values.shape[1:]))
    return np.ascontiguousarray(pairs.swapaxes(1, 2)).reshape(values.shape)
