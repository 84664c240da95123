import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from spacy_slm_ner.models.generation.kv_cache import find_cache_argument, key_values, to_cache


def layers(count: int) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
    torch.manual_seed(0)
    return tuple((torch.randn(2, 3, 5, 4), torch.randn(2, 3, 5, 4)) for _ in range(count))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_what_is_put_in_comes_out(count: int) -> None:
    found, expected = key_values(to_cache(layers(count))), layers(count)
    assert len(found) == count
    assert all(torch.equal(one, other) for pair, there in zip(found, expected) for one, other in zip(pair, there))


def test_a_model_reads_on_behind_it() -> None:
    torch.manual_seed(0)
    config = AutoConfig.for_model("llama", hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2)
    model = AutoModelForCausalLM.from_config(config).eval()
    name = find_cache_argument(model)
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.inference_mode():
        cache = to_cache()
        model(input_ids=ids[:, :3], use_cache=True, **{name: cache})
        copied = to_cache(key_values(cache))
        found = model(input_ids=ids[:, 3:], position_ids=torch.tensor([[3, 4]]), use_cache=True, **{name: copied}).logits
        expected = model(input_ids=ids, use_cache=False).logits[:, 3:]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert key_values(copied)[0][0].shape[2] == 5 and key_values(cache)[0][0].shape[2] == 3


def test_a_model_without_a_cache_is_an_error() -> None:
    config = AutoConfig.for_model("mamba", hidden_size=16, num_hidden_layers=1, vocab_size=10)
    with pytest.raises(ValueError):
        find_cache_argument(AutoModelForCausalLM.from_config(config).eval())
