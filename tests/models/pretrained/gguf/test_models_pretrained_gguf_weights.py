from pathlib import Path
from typing import Optional

import numpy as np
import pytest
import torch
from gguf_files import make_model, write_gguf

from spacy_slm_ner.models.pretrained.gguf.base import ARCHITECTURES
from spacy_slm_ner.models.pretrained.gguf.file import read_gguf
from spacy_slm_ner.models.pretrained.gguf.weights import part_halves, read_weights


@pytest.mark.parametrize(
    ("architecture", "name", "expected"),
    [
        ("llama", "token_embd.weight", "model.embed_tokens.weight"),
        ("llama", "output.weight", "lm_head.weight"),
        ("llama", "blk.12.ffn_norm.weight", "model.layers.12.post_attention_layernorm.weight"),
        ("gemma3", "blk.12.ffn_norm.weight", "model.layers.12.pre_feedforward_layernorm.weight"),
        ("qwen2", "blk.0.attn_k.bias", "model.layers.0.self_attn.k_proj.bias"),
        ("llama", "blk.0.attn_k.bias", None),
        ("qwen2", "blk.0.attn_output.bias", None),
        ("qwen2", "blk.0.attn_k_norm.weight", None),
        ("llama", "attn_k.weight", None),
        ("llama", "blk.0.token_embd.weight", None),
        ("llama", "rope_freqs.weight", None),
    ],
)
def test_weights_have_the_names_of_transformers(architecture: str, name: str, expected: Optional[str]) -> None:
    assert ARCHITECTURES[architecture].layout.name(name) == expected


def test_values_that_are_rotated_together_are_parted() -> None:
    rows = np.arange(8, dtype="f4")[:, None] * np.ones((1, 3), dtype="f4")
    assert part_halves(rows, 2)[:, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert part_halves(rows[:, 0], 1).tolist() == [0, 2, 4, 6, 1, 3, 5, 7]


@pytest.mark.parametrize(("kind", "most"), [("F32", 0.0), ("F16", 0.001), ("BF16", 0.005), ("Q8_0", 0.02), ("Q4_1", 0.2)])
def test_weights_are_those_that_were_written(kind: str, most: float, tmp_path: Path) -> None:
    model = make_model()
    path = write_gguf(tmp_path / "model.gguf", model, {}, kind=kind)
    found = dict(read_weights(read_gguf(path), ARCHITECTURES["llama"].layout, 4, 2))
    expected = {name: value for name, value in model.state_dict().items() if name != "lm_head.weight"}
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name].dtype == torch.bfloat16
        # bf16 has 8 bits of precision.
        torch.testing.assert_close(found[name].float(), value.to(torch.bfloat16).float(), rtol=0.01 if most else 0, atol=most)
