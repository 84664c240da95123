"""How deep parameters lie."""

from pathlib import Path

import pytest
import torch
from test_models_lora_transformer import LORA
from tiny_bert import make_bert
from transformers import AutoModel

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.encoding.layer_decay import layer_depths
from spacy_slm_ner.models.pretrained.adapters import add_adapter
from spacy_slm_ner.models.pretrained.lora import create_lora


def test_layers_are_counted_from_the_last(tmp_path: Path, llama: Path) -> None:
    for base in (make_bert(tmp_path, ["some words"]), llama):
        model = AutoModel.from_pretrained(base)
        number = model.config.num_hidden_layers
        found = layer_depths(model)
        assert found.keys() == dict(model.named_parameters()).keys()
        assert {found[name] for name in found if "embed" in name} == {number}
        assert {found[name] for name in found if ".0." in name} == {number - 1}
        assert {found[name] for name in found if f".{number - 1}." in name} == {0}
        assert all(found[name] == 0 for name in found if name == "norm.weight")
        adapted = add_adapter(model, "default", create_lora(**LORA).to_peft("FEATURE_EXTRACTION"))
        assert set(layer_depths(adapted).values()) == set(range(number + 1))


def test_a_model_without_layers_is_named(llama: Path) -> None:
    model = AutoModel.from_pretrained(llama)
    model.layers = torch.nn.Sequential(*model.layers)
    with pytest.raises(BaseModelError, match=r"layer_decay = 1\.0"):
        layer_depths(model)
