"""Which models read texts, and which see both sides, by trial."""

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, ViTConfig, ViTModel

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.encoding.capabilities import check_reads_texts, sees_following

SMALL = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 60}
SMALL["num_key_value_heads"] = 2
ENCODERS = {
    "bert": {},
    "roberta": {"pad_token_id": 1},
    "xlm-roberta": {"pad_token_id": 1},
    "distilbert": {"dim": 32, "hidden_dim": 32, "n_layers": 2, "n_heads": 4},
    "deberta-v2": {},
    "electra": {"embedding_size": 32},
    "albert": {"embedding_size": 32},
    "mpnet": {"pad_token_id": 1},
    "modernbert": {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0, "cls_token_id": 0, "sep_token_id": 0},
}
DECODERS = {"llama": {}, "mistral": {}, "qwen2": {}, "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4}}


def tiny(kind: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    return AutoModel.from_config(AutoConfig.for_model(kind, **{**SMALL, **settings}))


@pytest.mark.parametrize("kind", [*ENCODERS, *DECODERS])
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_models_of_texts_read_texts(kind: str, precision: torch.dtype) -> None:
    check_reads_texts(tiny(kind, **{**ENCODERS, **DECODERS}[kind]).to(precision))


@pytest.mark.parametrize("kind", [*ENCODERS, *DECODERS])
def test_encoders_see_what_follows_and_decoders_do_not(kind: str) -> None:
    assert sees_following(tiny(kind, **{**ENCODERS, **DECODERS}[kind])) == (kind in ENCODERS)


@pytest.mark.parametrize(
    "model",
    [
        ViTModel(ViTConfig(hidden_size=16, num_attention_heads=2, num_hidden_layers=1, intermediate_size=16, image_size=32)),
        tiny("fnet"),
    ],
    ids=["pictures", "no-mask"],
)
def test_a_model_of_something_else_is_an_error(model: Any) -> None:
    name = type(model).__name__
    with pytest.raises(BaseModelError, match=f"Got a {name} as a base that reads, but it is no encoder or decoder of texts: "):
        check_reads_texts(model)


def test_a_model_that_mixes_padding_in_is_an_error() -> None:
    model = tiny("bert")
    plain = model.forward
    model.forward = lambda input_ids, attention_mask: plain(input_ids=input_ids)
    with pytest.raises(BaseModelError, match=r"Got a BertModel .* it reads padding as if it were text"):
        check_reads_texts(model)
