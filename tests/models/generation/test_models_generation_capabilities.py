"""What a model is found to be able to do, and that it is tried once."""

from typing import Any
from unittest.mock import patch

import pytest
import torch
from generator_cases import ask, assert_same, split
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.generation import decoder, generator
from spacy_slm_ner.models.generation.capabilities import try_capabilities
from spacy_slm_ner.models.generation.decoder import Decoder
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.kv_cache import ARGUMENTS
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer


def tiny_model(kind: str = "llama", **settings: Any) -> Any:
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "vocab_size": 400, "initializer_range": 0.3, **settings}
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **shape))


def change_forward(model: Any, change: Any) -> None:
    """Let a model, and its twins, compute with other arguments."""
    plain = model.forward
    model.forward = lambda *args, **kwargs: plain(*args, **change(kwargs))


def test_a_llama_can_do_everything() -> None:
    found = try_capabilities(tiny_model())
    assert found.cache_argument in ARGUMENTS and found.is_linear and found.is_packable


def test_a_model_that_hides_its_arguments_can_do_the_same() -> None:
    """A signature of nothing but **kwargs says nothing; the trial does not look at it."""
    model = tiny_model()
    for part in (model, model.model):
        kind = type(part)
        part.__class__ = type(kind.__name__, (kind,), {"forward": lambda self, kind=kind, **inputs: kind.forward(self, **inputs)})
    assert try_capabilities(model) == try_capabilities(tiny_model())


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("kind", "linear"), [("llama", True), ("gemma2", False), ("cohere", False), ("granite", False)])
def test_logits_that_are_bounded_or_scaled_are_noticed(kind: str, linear: bool, precision: torch.dtype) -> None:
    model = tiny_model(kind, head_dim=8, pad_token_id=0, logits_scaling=2.0, logit_scale=0.5).to(precision)
    assert try_capabilities(model).is_linear == linear


@pytest.mark.parametrize("lost", ["position_ids", "attention_mask"])
def test_a_model_that_does_not_look_at_what_tells_rows_apart_is_refused(lost: str) -> None:
    model = tiny_model()
    change_forward(model.model, lambda kwargs: {name: value for name, value in kwargs.items() if name != lost})
    with pytest.raises(BaseModelError, match=r"Got a LlamaForCausalLM .* two texts are not read together as each is read alone"):
        try_capabilities(model)


def test_a_model_that_keeps_nothing_is_refused() -> None:
    model = tiny_model()
    change_forward(model.model, lambda kwargs: {name: value for name, value in kwargs.items() if name not in ARGUMENTS})
    with pytest.raises(BaseModelError, match="it keeps no keys and values of what it has read"):
        try_capabilities(model)


def test_an_error_of_the_model_is_told() -> None:
    def fail(kwargs: dict[str, Any]) -> dict[str, Any]:
        raise RuntimeError("not on Thursdays")

    model = tiny_model()
    change_forward(model, fail)
    with pytest.raises(BaseModelError, match=r"cannot be decoded in batches: not on Thursdays\. Name a decoder of another kind"):
        try_capabilities(model)


def test_a_model_whose_attention_is_not_asked_for_by_name_is_padded() -> None:
    assert not try_capabilities(tiny_model("falcon", alibi=True)).is_packable


@pytest.mark.parametrize(
    ("settings", "packable"),
    [
        pytest.param({"sliding_window": 24}, True, id="window-that-attention-is-told"),
        pytest.param({"sliding_window": None}, True, id="no-window"),
    ],
)
def test_a_window_may_be_packed_where_attention_is_told(settings: dict[str, Any], packable: bool) -> None:
    assert try_capabilities(tiny_model("mistral", **settings)).is_packable == packable


def test_chunks_that_only_the_mask_knows_are_not_packed() -> None:
    model = tiny_model()
    model.config.attention_chunk_size = 24
    assert not try_capabilities(model).is_packable


def test_nothing_is_left_of_the_trial() -> None:
    model = tiny_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attention = model.config._attn_implementation
    try_capabilities(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.config._attn_implementation == attention
    assert all(value.grad is None and not value.is_inference() for value in model.parameters())


def test_it_is_tried_when_a_model_is_loaded_and_not_again(tiny_chat: ChatTokenizer) -> None:
    requests = [ask(split(text)) for text in ("Come at 4 pm", "on Friday")]
    with patch.object(generator, "try_capabilities", wraps=try_capabilities) as trial:
        loaded = Generator(tiny_model(), tiny_chat, torch.float32)
    with patch.object(decoder, "try_capabilities", wraps=try_capabilities) as again:
        before = loaded.generate(requests)
        loaded.changed()
        assert_same(loaded.generate(requests), before)
    assert trial.call_count == 1 and again.call_count == 0
    assert Decoder(loaded.model).lm_head.is_linear == loaded.capabilities.is_linear
