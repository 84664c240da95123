"""The files of a base: the same base whichever version of transformers reads them, and a digest that tells bases apart."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from generator_cases import since
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.models.pretrained.base_files import readable_by_all, save_base
from spacy_slm_ner.models.pretrained.lora import create_lora
from spacy_slm_ner.models.pretrained.tokenizer_files import load_tokenizer

IDS = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9]])
SHAPE = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 300}
SHAPE["num_key_value_heads"] = 2
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(input_ids=IDS).logits
        return found.clone()


def rotated(kind: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SHAPE, initializer_range=0.3, **settings))


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param("llama", {"rope_theta": 70.0}, id="llama"),
        pytest.param(
            "llama", {"rope_theta": 70.0, "rope_scaling": {**LLAMA3, "original_max_position_embeddings": 16}}, id="llama-3"
        ),
        pytest.param("qwen2", {"rope_theta": 70.0}, id="qwen2"),
        pytest.param("phi", {"rope_theta": 70.0, "partial_rotary_factor": 0.25}, id="phi-in-part"),
        pytest.param(
            "gemma3_text",
            {"rope_theta": 70.0, "rope_local_base_freq": 7.0, "head_dim": 8, "pad_token_id": 0},
            id="gemma3",
            marks=since("4.50"),
        ),
    ],
)
def test_a_stored_base_computes_the_same(kind: str, settings: dict[str, Any], llama: Path, tmp_path: Path) -> None:
    model = rotated(kind, **settings)
    save_base(model, load_tokenizer(llama), tmp_path)
    torch.testing.assert_close(logits(AutoModelForCausalLM.from_pretrained(tmp_path)), logits(model), rtol=0, atol=1e-5)
    config = json.loads((tmp_path / "config.json").read_text())
    # What transformers 4 reads, and would have a default for.
    assert {name: config.get(name) for name in settings if name != "rope_scaling"} == {
        name: value for name, value in settings.items() if name != "rope_scaling"
    }
    if "rope_scaling" in settings:
        assert {name: config["rope_scaling"][name] for name in LLAMA3} == LLAMA3


def test_the_words_of_transformers_5_are_said_in_those_of_4() -> None:
    flat = {"dtype": "bfloat16", "rope_parameters": {"rope_type": "linear", "rope_theta": 5.0, "factor": 2.0}}
    found = readable_by_all(flat)
    assert found["torch_dtype"] == "bfloat16" and "dtype" not in found
    assert found["rope_theta"] == 5.0 and found["rope_scaling"] == {"rope_type": "linear", "factor": 2.0}
    kinds = {"full_attention": {"rope_theta": 5.0}, "sliding_attention": {"rope_theta": 6.0}}
    found = readable_by_all({"rope_parameters": kinds})
    assert found["rope_theta"] == 5.0 and found["rope_local_base_freq"] == 6.0
    assert readable_by_all({"vocab_size": 3, "_name_or_path": "/home/ada"}) == {"vocab_size": 3}


def test_adapters_are_left_out(llama: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(llama)
    before = logits(model)
    adapted = get_peft_model(model, create_lora().to_peft("CAUSAL_LM"))
    save_base(adapted.get_base_model(), load_tokenizer(llama), tmp_path / "stored")
    torch.testing.assert_close(logits(AutoModelForCausalLM.from_pretrained(tmp_path / "stored")), before, rtol=0, atol=0)
