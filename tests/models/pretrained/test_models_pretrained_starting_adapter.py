"""Adapters that begin with the weights of another."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from thinc.api import Config
from transformers import LlamaConfig, LlamaForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained import starting_adapter
from spacy_slm_ner.models.pretrained.adapters import adapter_state, add_adapter, save_adapter
from spacy_slm_ner.models.pretrained.hub import BUNDLED_MODELS
from spacy_slm_ner.models.pretrained.lora import LoraSettings, create_lora, create_lora_v2
from spacy_slm_ner.models.pretrained.starting_adapter import BundledAdapter, mismatch, start_adapter
from spacy_slm_ner.pipeline.factory import SLM_NER

DEFAULTS = Config().from_str(SLM_NER)["slm_ner"]["model"]["lora"]


def make(lora: LoraSettings, seed: int = 0, hidden: int = 8) -> Any:
    torch.manual_seed(seed)
    shape: dict[str, Any] = {"intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 11}
    model = LlamaForCausalLM(LlamaConfig(hidden_size=hidden, **shape))
    return add_adapter(model, "default", lora.to_peft("CAUSAL_LM"))


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """An adapter of rank 4 and scale 1 on the disk, all of its weights random."""
    model = make(create_lora_v2(r=4, alpha=4), seed=1)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter)
    save_adapter(model, "default", tmp_path / "trained", None)
    return tmp_path / "trained"


def started(lora: LoraSettings, base: str = "some/base") -> dict[str, torch.Tensor]:
    model = make(lora)
    start_adapter(model, "default", lora, base, "CAUSAL_LM")
    return adapter_state(model, "default")


def is_new(state: dict[str, torch.Tensor]) -> bool:
    return all(not value.any() for key, value in state.items() if "lora_B" in key)


def test_the_weights_of_a_folder_are_the_first_ones(trained: Path) -> None:
    expected = adapter_state(make(create_lora_v2(r=4, alpha=4)), "default")
    found = started(create_lora_v2(r=4, alpha=4, dropout=0.2, start=str(trained)))
    assert found.keys() == expected.keys() and not is_new(found)


def test_without_a_start_they_are_new() -> None:
    assert is_new(started(create_lora_v2(r=4))) and is_new(started(create_lora(r=4)))


@pytest.mark.parametrize("shape", [{"r": 8, "alpha": 8}, {"r": 4, "alpha": 8}])
def test_another_shape_is_an_error(shape: dict[str, int], trained: Path) -> None:
    with pytest.raises(BaseModelError, match=f"it has r = 4 and alpha = 4, but r = {shape['r']} and alpha = {shape['alpha']}"):
        started(create_lora_v2(**shape, start=str(trained)))


def test_other_layers_are_an_error(trained: Path) -> None:
    with pytest.raises(BaseModelError, match="does not fit the base"):
        started(create_lora_v2(r=4, alpha=4, targets=["q_proj"], start=str(trained)))


def test_another_base_is_an_error(trained: Path) -> None:
    lora = create_lora_v2(r=4, alpha=4, start=str(trained))
    with pytest.raises(BaseModelError, match="does not fit the base"):
        start_adapter(make(lora, hidden=12), "default", lora, "some/base", "CAUSAL_LM")


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"Name a folder that has both, .* or one of spacy-slm-ner/smollm2-ner, or null"):
        started(create_lora_v2(r=4, start=str(tmp_path)))


@pytest.fixture
def bundled(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"spacy-slm-ner/known": BundledAdapter("some/base", "CAUSAL_LM", trained)}
    monkeypatch.setattr(starting_adapter, "BUNDLED_ADAPTERS", known)


@pytest.mark.usefixtures("bundled")
def test_the_adapter_of_the_package_is_found_by_its_name_and_by_the_base() -> None:
    named = started(create_lora_v2(r=4, alpha=4, start="spacy-slm-ner/known"), "any/base")
    auto = started(create_lora_v2(r=4, alpha=4, start="auto"))
    assert not is_new(named)
    for key in named:
        torch.testing.assert_close(auto[key], named[key])
    assert is_new(started(create_lora_v2(r=4, alpha=4, start="auto"), "other/base"))


@pytest.mark.usefixtures("bundled")
def test_one_of_another_shape_is_not_taken_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="spacy_slm_ner"):
        assert is_new(started(create_lora_v2(r=8, alpha=8, start="auto")))
    assert "begins with new weights, and not with those of spacy-slm-ner/known: it has r = 4" in caplog.text


@pytest.mark.parametrize("name", starting_adapter.BUNDLED_ADAPTERS)
def test_the_adapters_of_the_package_fit_the_defaults(name: str) -> None:
    bundled = starting_adapter.BUNDLED_ADAPTERS[name]
    lora = create_lora_v2(**{key: DEFAULTS[key] for key in ("r", "alpha", "targets")}, start=name)
    with torch.device("meta"):
        shape = {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "vocab_size": 49152}
        model = LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=9, num_key_value_heads=3))
        model = add_adapter(model, "default", lora.to_peft("CAUSAL_LM"))
    expected = {key: value.shape for key, value in adapter_state(model, "default").items()}
    stored = load_file(bundled.folder / "adapter_model.safetensors")
    assert {key: value.shape for key, value in stored.items()} == expected
    assert {value.dtype for value in stored.values()} == {torch.bfloat16}
    assert bundled.base in BUNDLED_MODELS and mismatch(bundled.folder, lora) is None
