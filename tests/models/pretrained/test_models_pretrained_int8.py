"""Weights of eight bits."""

import copy
import threading
from typing import Any

import pytest
import torch
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM

from spacy_slm_ner.models.generation.attention_backend import twin_with_our_attention
from spacy_slm_ner.models.pretrained.adapters import add_adapter, for_use
from spacy_slm_ner.models.pretrained.int8 import Int8Linear, quantize
from spacy_slm_ner.models.pretrained.lora import create_lora_v2

SHAPE: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
IDS = torch.arange(12)[None]


def llama() -> Any:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE, vocab_size=50, initializer_range=0.2)).eval()


def count(model: Any) -> int:
    return sum(isinstance(layer, Int8Linear) for layer in model.modules())


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@torch.no_grad()
def test_logits_are_nearly_the_same() -> None:
    model = llama()
    expected = model(IDS).logits
    found = quantize(copy.deepcopy(model))(IDS).logits
    assert 0 < distance(found, expected) < 0.1


def test_all_linear_layers_but_the_last_are_rounded() -> None:
    model = quantize(llama())
    assert count(model) == 2 * 7
    assert type(model.get_output_embeddings()) is torch.nn.Linear


@torch.no_grad()
def test_encoders_are_rounded_too() -> None:
    model = BertModel(BertConfig(**SHAPE, vocab_size=50), add_pooling_layer=False).eval()
    expected = model(IDS).last_hidden_state
    assert distance(quantize(copy.deepcopy(model))(IDS).last_hidden_state, expected) < 0.1


@torch.no_grad()
def test_the_model_that_is_trained_stays_as_it_is() -> None:
    plain = llama()
    adapted = add_adapter(llama(), "default", create_lora_v2(r=4).to_peft("CAUSAL_LM"))
    for model in (plain, adapted):
        before = model(IDS).logits
        used = for_use(model, torch.float32, int8=True)
        assert count(used) and not count(model)
        assert distance(used(IDS).logits, before) < 0.1
        torch.testing.assert_close(model(IDS).logits, before)


def test_the_twin_shares_the_layers() -> None:
    model = quantize(llama())
    twin = twin_with_our_attention(model)
    ours = [id(layer) for layer in model.modules() if isinstance(layer, Int8Linear)]
    assert [id(layer) for layer in twin.modules() if isinstance(layer, Int8Linear)] == ours


@torch.no_grad()
@pytest.mark.parametrize("bias", [True, False])
def test_a_large_row_costs_no_other_its_precision(bias: bool) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 32, bias=bias)
    x = torch.randn(2, 5, 64)
    x[0, 0] *= 1e6
    x[1, 1] = 0.0
    found, expected = Int8Linear(layer)(x), layer(x)
    for row, right in zip(found.flatten(0, 1), expected.flatten(0, 1)):
        assert distance(row, right) < 0.05 or torch.equal(row, right)


def test_threads_read_at_the_same_time() -> None:
    model = quantize(llama())
    found: list[torch.Tensor] = []

    def read() -> None:
        with torch.inference_mode():
            found.append(model(IDS).logits)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found[1:]:
        torch.testing.assert_close(one, found[0])
    assert len(found) == 4


@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_no_warning_reaches_the_user(kind: str, recwarn: pytest.WarningsRecorder) -> None:
    quantize(llama() if kind == "llama" else BertModel(BertConfig(**SHAPE, vocab_size=50)))
    assert not recwarn.list
