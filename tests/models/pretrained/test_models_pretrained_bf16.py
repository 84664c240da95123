from pathlib import Path

import torch
from safetensors.torch import load_file
from tiny_llama import make_llama
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.models.pretrained.bf16 import store_as_bf16
from spacy_slm_ner.models.pretrained.origin import FILE


def test_weights_are_halved_and_load_as_before(tmp_path: Path) -> None:
    base = make_llama(tmp_path / "base")
    before, size = load_file(base / "model.safetensors"), (base / "model.safetensors").stat().st_size
    store_as_bf16(base)
    assert (base / "model.safetensors").stat().st_size < 0.6 * size
    assert AutoConfig.from_pretrained(base).torch_dtype == torch.bfloat16
    after = AutoModelForCausalLM.from_pretrained(base, torch_dtype="auto").state_dict()
    assert all(torch.equal(after[name].float(), weight.to(torch.bfloat16).float()) for name, weight in before.items())


def test_where_it_came_from_is_forgotten(tmp_path: Path) -> None:
    base = make_llama(tmp_path / "base")
    (base / FILE).write_text("{}")
    store_as_bf16(base)
    assert not (base / FILE).exists()
