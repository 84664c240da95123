"""From a folder or a name to a model and its tokenizer."""

import json
import shutil
from pathlib import Path
from typing import Any, Callable

import pytest
import torch
from generator_cases import LABELS, WORDS, ask, chat_of, split, teach, with_entities
from peft import get_peft_model
from safetensors.torch import load_file, save_file
from stories260k import convert
from tiny_llama import make_llama, make_tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.pretrained.base_files import base_state, weights_fingerprint
from spacy_slm_ner.models.pretrained.loading import load_causal_lm
from spacy_slm_ner.models.pretrained.lora import create_lora

CPU = torch.device("cpu")


def load(name: Path | str, revision: str | None = None, dtype: torch.dtype = torch.float32) -> Any:
    return load_causal_lm(str(name), revision, dtype, CPU)


@pytest.fixture
def folder(llama: Path, tmp_path: Path) -> Path:
    """A base that may be damaged."""
    return Path(shutil.copytree(llama, tmp_path / "base"))


def logits(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(input_ids=torch.tensor([[1, 5, 9, 33, 7]])).logits
        return found.clone()


# What is loaded


def test_a_local_base_is_loaded_as_transformers_loads_it(llama: Path) -> None:
    model, chat = load(llama)
    torch.testing.assert_close(logits(model), logits(AutoModelForCausalLM.from_pretrained(llama)), rtol=0, atol=0)
    assert chat.tokenizer.get_vocab() == AutoTokenizer.from_pretrained(llama).get_vocab()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("weights", [True, False], ids=["weights", "random"])
def test_the_weights_are_of_the_wanted_type(dtype: torch.dtype, weights: bool, folder: Path) -> None:
    if not weights:
        (folder / "model.safetensors").unlink()
    model, _ = load(folder, dtype=dtype)
    assert {parameter.dtype for parameter in model.parameters()} == {dtype}


def test_a_config_alone_gives_random_weights_that_follow_the_seed(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(logits(load(folder)[0]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_weights_in_several_files_are_loaded(llama: Path, folder: Path) -> None:
    AutoModelForCausalLM.from_pretrained(llama).save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    assert len(list(folder.glob("*.safetensors"))) > 1
    torch.testing.assert_close(logits(load(folder)[0]), logits(load(llama)[0]), rtol=0, atol=0)


def test_a_hub_base_is_loaded_with_its_revision(llama: Path, hub: Callable[..., list[Any]]) -> None:
    asked = hub({("some/base", "v2"): llama})
    model, _ = load("some/base", "v2")
    torch.testing.assert_close(logits(model), logits(load(llama)[0]), rtol=0, atol=0)
    assert asked == [("some/base", "v2")]


def test_a_hub_base_keeps_the_chat_template_of_its_own_file(llama: Path, folder: Path, hub: Callable[..., list[Any]]) -> None:
    # Some versions write it to that file, some to the config.
    config = json.loads((folder / "tokenizer_config.json").read_text())
    template = config.pop("chat_template", None)
    if template:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        (folder / "chat_template.jinja").write_text(template)
    hub({("some/base", None): folder})
    local, far = load(llama)[1], load("some/base")[1]
    assert far.prompt(chat_of("text")) == local.prompt(chat_of("text"))
    assert far.decode(far.prompt(chat_of("text")).prefix).startswith("<|im_start|>system\n")


# What cannot be loaded


def test_a_base_that_is_nowhere_is_an_error(hub: Callable[..., list[Any]]) -> None:
    hub({})
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/base'"):
        load("some/base")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        pytest.param("config.json", None, r"has no config\.json", id="no-config"),
        pytest.param("config.json", "{", "Cannot load .* as a causal language model", id="broken-config"),
        pytest.param("config.json", "{}", "Cannot load .* as a causal language model", id="empty-config"),
        pytest.param("config.json", '{"model_type": "t5"}', "Cannot load .* as a causal language model.*T5", id="not-causal"),
        pytest.param("config.json", '{"model_type": "nonesuch"}', "Cannot load .*nonesuch.*SmolLM2", id="unknown-model"),
        pytest.param("tokenizer.json", "{", "Cannot load .* as a causal language model", id="broken-tokenizer"),
        pytest.param("tokenizer.json", "{}", "Cannot load .* as a causal language model", id="empty-tokenizer"),
        pytest.param("tokenizer_config.json", "{", "Cannot load .* as a causal language model", id="broken-tokenizer-config"),
        pytest.param("model.safetensors", "version https://git-lfs", "Cannot load .* as a causal language model", id="pointer"),
    ],
)
def test_a_damaged_base_is_an_error(file: str, content: str | None, message: str, folder: Path) -> None:
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    with pytest.raises(BaseModelError, match=f"(?s){message}"):
        load(folder)


def test_weights_that_were_cut_off_are_an_error(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(BaseModelError, match="Cannot load"):
        load(folder)


def test_weights_of_another_shape_are_an_error(folder: Path, tmp_path: Path) -> None:
    other = make_llama(tmp_path / "other", hidden=16)
    shutil.copy(other / "model.safetensors", folder / "model.safetensors")
    with pytest.raises(BaseModelError, match="Cannot load"):
        load(folder)


def test_weights_that_are_not_complete_are_an_error(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    del state["model.layers.1.mlp.up_proj.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BaseModelError, match=r"model\.layers\.1\.mlp\.up_proj\.weight"):
        load(folder)


def test_a_folder_without_a_tokenizer_is_an_error(folder: Path) -> None:
    for file in folder.iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            file.unlink()
    with pytest.raises(BaseModelError, match="has no tokenizer"):
        load(folder)


def test_pickled_weights_are_not_taken_for_none(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(BaseModelError, match="pickled weights are not loaded"):
        load(folder)


def test_a_hub_base_without_safetensors_is_an_error(folder: Path, hub: Callable[..., list[Any]]) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    hub({("some/base", None): folder})
    with pytest.raises(BaseModelError, match=r"The model some/base .* has no \*\.safetensors"):
        load("some/base")


def test_a_tokenizer_with_more_pieces_than_the_model_embeds_is_an_error(folder: Path) -> None:
    make_tokenizer(folder, ["some more words for many more pieces of text"] * 3 + WORDS, pieces=320)
    assert len(AutoTokenizer.from_pretrained(folder)) > 300
    with pytest.raises(BaseModelError, match=r"The tokenizer of .* has 3\d\d tokens, its model embeds 300 only"):
        load(folder)


def test_a_tokenizer_without_end_is_an_error_that_names_the_remedy(folder: Path) -> None:
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("eos_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with pytest.raises(BaseModelError, match="names no eos_token"):
        load(folder)


# Fingerprints


def test_the_same_weights_have_the_same_fingerprint(llama: Path) -> None:
    assert weights_fingerprint(load(llama)[0]) == weights_fingerprint(load(llama)[0])


def test_the_fingerprint_does_not_depend_on_the_precision(llama: Path) -> None:
    assert weights_fingerprint(load(llama)[0]) == weights_fingerprint(load(llama, dtype=torch.bfloat16)[0])


def test_the_fingerprint_does_not_depend_on_the_file_s_precision(llama: Path, tmp_path: Path) -> None:
    shutil.copytree(llama, tmp_path / "half")
    AutoModelForCausalLM.from_pretrained(llama, torch_dtype=torch.bfloat16).save_pretrained(tmp_path / "half")
    assert weights_fingerprint(load(tmp_path / "half")[0]) == weights_fingerprint(load(llama)[0])


def test_other_weights_have_another_fingerprint(llama: Path, tmp_path: Path) -> None:
    assert weights_fingerprint(load(make_llama(tmp_path / "other", WORDS, seed=1))[0]) != weights_fingerprint(load(llama)[0])


@pytest.mark.parametrize("name", ["model.norm.weight", "model.layers.1.mlp.down_proj.weight", "model.embed_tokens.weight"])
def test_a_change_of_any_layer_changes_the_fingerprint(name: str, llama: Path) -> None:
    model, _ = load(llama)
    before = weights_fingerprint(model)
    with torch.no_grad():
        model.get_parameter(name).mul_(1.5)
    assert weights_fingerprint(model) != before


def test_adapters_do_not_change_the_fingerprint_nor_the_state_of_a_base(llama: Path) -> None:
    model, _ = load(llama)
    before, state = weights_fingerprint(model), {name: value.clone() for name, value in base_state(model).items()}
    adapted = get_peft_model(model, create_lora(r=2).to_peft("CAUSAL_LM"))
    assert weights_fingerprint(adapted.get_base_model()) == before
    found = base_state(adapted.get_base_model())
    assert found.keys() == state.keys()
    assert all(torch.equal(found[name], state[name]) for name in state)


# A real pretrained model


@pytest.fixture(scope="module")
def stories(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert(shared / "weights" / "stories260K", tmp_path_factory.mktemp("bases") / "stories260K")


ONCE = "Once upon a time, there was a little girl named Lily. She loved to play outside in the park."


def test_a_real_model_is_converted_such_that_it_tells_stories(stories: Path) -> None:
    model, tokenizer = LlamaForCausalLM.from_pretrained(stories), AutoTokenizer.from_pretrained(stories)
    ids = torch.tensor([[1, *tokenizer.encode("Once upon a time", add_special_tokens=False)]])
    with torch.inference_mode():
        told = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False, pad_token_id=2)
    assert tokenizer.decode(told[0], skip_special_tokens=True).startswith(ONCE)


def test_a_real_model_is_loaded_and_tells_the_same_story(stories: Path) -> None:
    model, chat = load(stories)
    ids = [1, *chat.encode_plain(" Once upon a time")]
    with torch.inference_mode():
        for _ in range(40):
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    assert chat.decode(ids[1:]).strip().startswith(ONCE)


def test_a_real_model_writes_answers_that_can_be_read(stories: Path) -> None:
    generator = Generator(*load(stories), torch.float32)
    docs = [split("Come at 4 pm or May 5"), split("五月 😀 naïve <s> </s>"), split("Once upon a time")]
    for doc, answer in zip(docs, generator.generate([ask(doc) for doc in docs]), strict=True):
        assert answer.complete and BioLines(LABELS).parse(answer.text, doc).problems == []


def test_a_real_model_learns_with_an_adapter(stories: Path) -> None:
    torch.manual_seed(0)
    model, chat = load(stories)
    generator = Generator(get_peft_model(model, create_lora(r=8, dropout=0.0).to_peft("CAUSAL_LM")), chat, torch.float32)
    requests = [
        teach(with_entities("One day Lily saw Tom", (2, 3, "DATE"), (4, 5, "DATE"))),
        teach(with_entities("Tom was happy", (0, 1, "DATE"))),
    ]
    optimizer = torch.optim.Adam([parameter for parameter in model.parameters() if parameter.requires_grad], lr=0.01)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = generator.nll(requests).mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
