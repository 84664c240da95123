"""Named adapters over one base: making, switching, files."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.pretrained.adapters import (
    WEIGHTS,
    active_adapter,
    adapter_names,
    add_adapter,
    load_adapter,
    save_adapter,
    use_adapter,
)
from spacy_slm_ner.models.pretrained.lora import create_lora

IDS = torch.tensor([[1, 5, 9, 33, 7]])


def base(hidden: int = 16, layers: int = 1, seed: int = 0, tied: bool = True) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    shape = LlamaConfig(
        vocab_size=40,
        hidden_size=hidden,
        intermediate_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        tie_word_embeddings=tied,
        initializer_range=0.2,
    )
    return LlamaForCausalLM(shape).eval()


def config(**settings: Any) -> Any:
    return create_lora(**{"r": 2, "dropout": 0.0, **settings}).to_peft("CAUSAL_LM")


def trained(model: Any, name: str, seed: int) -> Any:
    """Let an adapter be one that has learned something."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if f".{name}." in key and ".lora_" in key:
                parameter.copy_(torch.randn_like(parameter))
    return model.eval()


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(input_ids=IDS).logits
        return found.clone()


def differs(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() > 1e-3)


@pytest.fixture
def two() -> PeftModel:
    """A base with two trained adapters, the first one in use."""
    model = add_adapter(base(), "default", config())
    model = add_adapter(model, "other", config(r=3))
    return trained(trained(model, "default", 1), "other", 2)


# Making


def test_a_new_adapter_changes_nothing() -> None:
    torch.testing.assert_close(logits(add_adapter(base(), "default", config())), logits(base()), rtol=0, atol=0)


def test_only_a_new_adapter_is_trained() -> None:
    model = add_adapter(base(), "default", config())
    trainable = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert trainable
    assert all(".lora_" in name for name in trainable)


def test_a_base_has_no_adapters() -> None:
    assert (adapter_names(base()), active_adapter(base())) == ([], None)


def test_adapters_are_listed_and_the_first_is_active(two: PeftModel) -> None:
    assert (adapter_names(two), active_adapter(two)) == (["default", "other"], "default")


@pytest.mark.parametrize("name", ["", "a.b", "a b", "../a", "a/b", "ä", "a\n"], ids=repr)
def test_a_name_that_cannot_be_a_folder_or_a_layer_is_an_error(name: str) -> None:
    with pytest.raises(BaseModelError, match=r"Got the adapter name .* Allowed are letters, digits, _ and -\."):
        add_adapter(base(), name, config())


@pytest.mark.parametrize("name", ["train", "keys", "update", "training"])
def test_a_name_that_torch_keeps_for_itself_is_an_error(name: str) -> None:
    model = base()
    with pytest.raises(BaseModelError, match=f"Got the adapter name '{name}'"):
        add_adapter(model, name, config())
    assert not any(".lora_" in key for key, _ in model.named_parameters())


@pytest.mark.parametrize("name", ["weight", "lora_A", "base_layer", "model", "0", "A-b_9"])
def test_any_other_name_will_do(name: str, tmp_path: Path) -> None:
    model = trained(add_adapter(base(), name, config()), name, 1)
    assert differs(logits(model), logits(base()))
    save_adapter(model, name, tmp_path, None)
    torch.testing.assert_close(logits(load_adapter(base(), name, tmp_path).eval()), logits(model), rtol=0, atol=0)


def test_a_name_is_given_once(two: PeftModel) -> None:
    with pytest.raises(BaseModelError, match=r"There is an adapter 'other' already\. Take another name\."):
        add_adapter(two, "other", config())


def test_layers_that_the_base_lacks_are_an_error() -> None:
    with pytest.raises(BaseModelError, match=r"Cannot adapt the base: .*query.* Its linear layers are .*q_proj.*v_proj"):
        add_adapter(base(), "default", config(targets=["query"]))


def test_layers_that_the_base_lacks_are_an_error_for_a_second_adapter_and_leave_nothing(two: PeftModel) -> None:
    before = logits(two)
    with pytest.raises(BaseModelError, match=r"Cannot adapt the base: .* Its linear layers are .*q_proj"):
        add_adapter(two, "third", config(targets=["query"]))
    assert adapter_names(two) == ["default", "other"]
    torch.testing.assert_close(logits(two), before, rtol=0, atol=0)


def test_a_base_can_be_adapted_after_a_failure() -> None:
    model = base()
    with pytest.raises(BaseModelError, match="Cannot adapt the base"):
        add_adapter(model, "default", config(targets=["query"]))
    assert adapter_names(add_adapter(model, "default", config())) == ["default"]


def test_named_layers_alone_are_adapted() -> None:
    model = add_adapter(base(), "default", config(targets=["q_proj"]))
    adapted = {name.split(".lora_")[0].rpartition(".")[2] for name, _ in model.named_parameters() if ".lora_" in name}
    assert adapted == {"q_proj"}


# Switching


def test_adapters_are_switched(two: PeftModel) -> None:
    first = logits(two)
    use_adapter(two, "other")
    second = logits(two)
    use_adapter(two, "default")
    assert differs(first, second)
    torch.testing.assert_close(logits(two), first, rtol=0, atol=0)


def test_the_active_adapter_alone_is_trained(two: PeftModel) -> None:
    use_adapter(two, "other")
    trainable = [name for name, parameter in two.named_parameters() if parameter.requires_grad]
    assert trainable
    assert all(".other." in name for name in trainable)


@pytest.mark.parametrize("name", ["missing", ""])
def test_an_adapter_that_is_not_there_cannot_be_used(name: str, two: PeftModel) -> None:
    with pytest.raises(BaseModelError, match=f"Got the adapter '{name}', there are: default, other. Add it with `load_adapter`"):
        use_adapter(two, name)


def test_a_base_without_adapters_says_so() -> None:
    with pytest.raises(BaseModelError, match="Got the adapter 'x', there are: none"):
        use_adapter(base(), "x")


# Files


def test_the_files_are_those_of_peft(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path / "new" / "folder", None)
    assert sorted(file.name for file in (tmp_path / "new" / "folder").iterdir()) == ["adapter_config.json", WEIGHTS]
    loaded = PeftModel.from_pretrained(base(), str(tmp_path / "new" / "folder")).eval()
    use_adapter(two, "other")
    torch.testing.assert_close(logits(loaded), logits(two), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["default", "other"])
def test_an_adapter_comes_back_from_its_files(name: str, two: PeftModel, tmp_path: Path) -> None:
    use_adapter(two, name)
    save_adapter(two, name, tmp_path, None)
    torch.testing.assert_close(logits(load_adapter(base(), "again", tmp_path).eval()), logits(two), rtol=0, atol=0)


def test_an_adapter_that_is_not_active_comes_back_from_its_files(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    use_adapter(two, "other")
    torch.testing.assert_close(logits(load_adapter(base(), "again", tmp_path).eval()), logits(two), rtol=0, atol=0)


@pytest.mark.parametrize("names", [("x", "xy"), ("xy", "x"), ("default", "default2"), ("x", "y-x")], ids=str)
def test_names_that_begin_or_end_alike_are_told_apart(names: tuple[str, str], tmp_path: Path) -> None:
    model = add_adapter(add_adapter(base(), names[0], config()), names[1], config(r=3))
    for seed, name in enumerate(names):
        trained(model, name, seed)
    for name in names:
        save_adapter(model, name, tmp_path / name, None)
        use_adapter(model, name)
        torch.testing.assert_close(logits(load_adapter(base(), name, tmp_path / name).eval()), logits(model), rtol=0, atol=0)


@pytest.mark.parametrize(("there", "new"), [("xy", "x"), ("x", "xy"), ("y-x", "x")])
def test_an_adapter_is_loaded_beside_one_whose_name_is_alike(there: str, new: str, two: PeftModel, tmp_path: Path) -> None:
    use_adapter(two, "other")
    save_adapter(two, "other", tmp_path, None)
    model = load_adapter(trained(add_adapter(base(), there, config()), there, 5), new, tmp_path)
    use_adapter(model, new)
    torch.testing.assert_close(logits(model.eval()), logits(two), rtol=0, atol=0)


def test_an_adapter_of_the_embeddings_comes_back_from_its_files(tmp_path: Path) -> None:
    model = trained(add_adapter(base(tied=False), "default", config(targets=["embed_tokens", "q_proj"])), "default", 1)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            if ".lora_embedding_" in key:
                parameter.copy_(torch.ones_like(parameter))
    assert differs(logits(model), logits(base(tied=False)))
    save_adapter(model, "default", tmp_path, None)
    assert not any("base_layer" in key or "embed_tokens.weight" in key for key in load_file(tmp_path / WEIGHTS))
    torch.testing.assert_close(logits(load_adapter(base(tied=False), "default", tmp_path).eval()), logits(model), rtol=0, atol=0)


def test_a_loaded_adapter_stands_beside_those_that_there_are(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(trained(add_adapter(base(), "far", config(r=4)), "far", 3), "far", tmp_path, None)
    before = logits(two)
    assert adapter_names(load_adapter(two, "third", tmp_path)) == ["default", "other", "third"]
    assert active_adapter(two) == "default"
    torch.testing.assert_close(logits(two.eval()), before, rtol=0, atol=0)


def test_a_loaded_adapter_can_be_trained(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    model = load_adapter(base(), "other", tmp_path)
    assert {name.split(".other")[0].rpartition(".")[2] for name, p in model.named_parameters() if p.requires_grad} == {
        "lora_A",
        "lora_B",
    }


def test_an_adapter_that_peft_has_written_can_be_trained(two: PeftModel, tmp_path: Path) -> None:
    two.save_pretrained(str(tmp_path), selected_adapters=["other"])
    model = load_adapter(base(), "other", tmp_path / "other")
    assert {".other." in name for name, parameter in model.named_parameters() if parameter.requires_grad} == {True}
    use_adapter(two, "other")
    torch.testing.assert_close(logits(model.eval()), logits(two), rtol=0, atol=0)


@pytest.mark.parametrize("named", ["some/base", None], ids=["named", "not-named"])
def test_the_files_name_the_base_as_it_is_said(named: str | None, two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, named)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == named
    # What another machine called the base is no matter.
    assert adapter_names(load_adapter(base(), "again", tmp_path)) == ["again"]


@pytest.mark.parametrize("content", [None, "adapter_config.json"])
def test_a_folder_without_an_adapter_is_an_error(content: str | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / content).write_text("{}")
    with pytest.raises(
        BaseModelError, match=r"There is no adapter in .*: it needs adapter_config.json and adapter_model.safetensors"
    ):
        load_adapter(base(), "default", tmp_path)


def test_weights_without_their_settings_are_an_error(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    (tmp_path / "adapter_config.json").unlink()
    with pytest.raises(BaseModelError, match=r"There is no adapter in .*: it needs adapter_config.json"):
        load_adapter(base(), "default", tmp_path)


def test_weights_of_another_shape_do_not_fit(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    with pytest.raises(BaseModelError, match=r"does not fit the base: .*lora_A.* has the shape \(3, 16\) and not \(3, 32\)"):
        load_adapter(base(hidden=32), "default", tmp_path)


def test_weights_of_layers_that_the_base_lacks_do_not_fit(tmp_path: Path) -> None:
    save_adapter(add_adapter(base(layers=2), "default", config(targets=["q_proj"])), "default", tmp_path, None)
    with pytest.raises(BaseModelError, match=r"does not fit the base: the base lacks \[.*layers\.1\."):
        load_adapter(base(layers=1), "default", tmp_path)


def test_layers_without_weights_do_not_fit(tmp_path: Path) -> None:
    save_adapter(add_adapter(base(layers=1), "default", config(targets=["q_proj"])), "default", tmp_path, None)
    with pytest.raises(BaseModelError, match="does not fit the base"):
        load_adapter(base(layers=2), "default", tmp_path)


def test_missing_weights_are_an_error(two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    state = load_file(tmp_path / WEIGHTS)
    del state[sorted(state)[0]]
    save_file(state, tmp_path / WEIGHTS)
    with pytest.raises(BaseModelError, match="does not fit the base"):
        load_adapter(base(), "default", tmp_path)


@pytest.mark.parametrize("adapted", [True, False], ids=["beside-another", "alone"])
def test_an_adapter_that_does_not_fit_is_not_left_behind(adapted: bool, two: PeftModel, tmp_path: Path) -> None:
    save_adapter(add_adapter(base(hidden=32), "default", config()), "default", tmp_path, None)
    model = two if adapted else base()
    before, names = logits(model), adapter_names(model)
    with pytest.raises(BaseModelError, match="does not fit the base"):
        load_adapter(model, "wrong", tmp_path)
    assert adapter_names(model) == names
    assert not any(".wrong." in name for name, _ in model.named_parameters())
    torch.testing.assert_close(logits(model.eval()), before, rtol=0, atol=0)


@pytest.mark.parametrize("damage", ["cut", "text"])
def test_damaged_weights_are_an_error(damage: str, two: PeftModel, tmp_path: Path) -> None:
    save_adapter(two, "other", tmp_path, None)
    content = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(content[: len(content) // 2] if damage == "cut" else b"version https://git-lfs")
    with pytest.raises(BaseModelError, match=r"adapter in .*"):
        load_adapter(base(), "default", tmp_path)
