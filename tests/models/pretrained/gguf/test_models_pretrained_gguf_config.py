from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from generator_cases import since
from gguf_files import make_model
from transformers import PretrainedConfig

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.base_files import readable_by_all
from spacy_slm_ner.models.pretrained.gguf import config as gguf_config
from spacy_slm_ner.models.pretrained.gguf.config import llama3_factors, read_config
from spacy_slm_ner.models.pretrained.gguf.file import read_gguf


def config_of(path: Path) -> PretrainedConfig:
    return read_config(read_gguf(path))


def test_it_is_the_config_of_the_model(write_model: Callable[..., Path]) -> None:
    model = make_model()
    found, expected = config_of(write_model(model)).to_dict(), model.config.to_dict()
    # What a file does not say: how weights begin, and in what precision they were.
    for name in ("initializer_range", "torch_dtype", "dtype", "architectures", "_attn_implementation_autoset"):
        found.pop(name, None)
        expected.pop(name, None)
    assert found == expected


def test_fields_that_are_not_there_have_the_values_of_llama_cpp(write_model: Callable[..., Path]) -> None:
    model = make_model(num_key_value_heads=4)
    left_out = ("attention.head_count_kv", "attention.key_length", "attention.value_length", "rope.freq_base")
    config = config_of(write_model(model, fields=dict.fromkeys(left_out)))
    assert (config.num_key_value_heads, config.head_dim) == (4, 16)
    assert readable_by_all(config.to_dict())["rope_theta"] == 10000.0


def test_other_factors_of_positions_are_refused(write_model: Callable[..., Path]) -> None:
    path = write_model(make_model(), weights={"rope_freqs.weight": np.linspace(1, 7, 8, dtype="f4")})
    with pytest.raises(BaseModelError, match=r"has the weights rope_freqs\.weight, which are not those of Llama 3"):
        config_of(path)


def test_long_waves_are_stretched_and_short_ones_are_not() -> None:
    factors = llama3_factors(64, 500000.0, 32.0)
    assert factors.shape == (32,)
    assert (factors[0], factors[-1]) == (1.0, 32.0)
    assert all(np.diff(factors) >= 0)


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        pytest.param("llama", {"fields": {"rope.scaling.type": "yarn"}}, r"the field rope\.scaling\.type = yarn", id="scaling"),
        pytest.param("llama", {"fields": {"expert_count": 8}}, r"the field expert_count = 8", id="experts"),
        pytest.param("llama", {"fields": {"rope.dimension_count": 8}}, r"heads of 16 values of which not all", id="rotation"),
        pytest.param("llama", {"fields": {"block_count": None}}, r"has no field block_count, which must be", id="no-layers"),
        pytest.param("llama", {"fields": {"block_count": "2"}}, r"has 2 as the field block_count", id="text-for-a-number"),
        pytest.param(
            "llama", {"weights": {"blk.0.attn_q.bias": np.zeros(64, "f4")}}, r"the weights blk\.0\.attn_q\.bias", id="bias"
        ),
        pytest.param("llama", {"weights": {"extra.weight": np.zeros(64, "f4")}}, r"the weights extra\.weight", id="weights"),
        pytest.param(
            "gemma3",
            {"fields": {"attention.sliding_window_pattern": 4}},
            r"attention\.sliding_window_pattern = 4, allowed is 6",
            id="pattern",
            marks=since("4.50"),
        ),
        pytest.param(
            "gemma3", {"fields": {"rope.scaling.factor": 8.0}}, r"rope\.scaling\.factor = 8", id="linear", marks=since("4.50")
        ),
    ],
)
def test_what_would_be_left_out_is_refused(
    architecture: str, options: dict[str, Any], message: str, write_model: Callable[..., Path], tmp_path: Path
) -> None:
    path = write_model(make_model(architecture), **options)
    with pytest.raises(BaseModelError, match=message):
        config_of(path)


def test_values_that_change_nothing_are_taken(write_model: Callable[..., Path]) -> None:
    neutral = {"expert_count": 0, "rope.scaling.type": "none", "attention.causal": True, "vocab_size": 320}
    config_of(write_model(make_model(), fields={**neutral, "rope.dimension_count": 16}))


@pytest.mark.parametrize("pattern", [6, [True, True, True, True, True, False, True]], ids=["number", "list"])
def test_windows_of_gemma_may_be_written_down(pattern: Any, write_model: Callable[..., Path]) -> None:
    pytest.importorskip("transformers", minversion="4.50")
    config_of(write_model(make_model("gemma3"), fields={"attention.sliding_window_pattern": pattern}))


def test_an_unknown_architecture_is_refused(write_model: Callable[..., Path], tmp_path: Path) -> None:
    path = write_model(make_model())
    path.write_bytes(path.read_bytes().replace(b"llama", b"lamma"))
    message = r"has the architecture 'lamma', allowed are llama, qwen2, qwen3, gemma3\. Name the model"
    with pytest.raises(BaseModelError, match=message):
        config_of(path)


def test_what_this_transformers_does_not_know_is_refused(
    write_model: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf_config, "CONFIG_MAPPING", {})
    with pytest.raises(BaseModelError, match=r"transformers [0-9.]+ does not know llama, which .* is\. Take a newer"):
        config_of(write_model(make_model()))
