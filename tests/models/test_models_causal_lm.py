"""The model of `slm_ner` as thinc sees it: training, adapters, storage."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Callable, Optional

import pytest
import torch
from generator_cases import LABELS, WORDS, ask, assert_same, split, teach, with_entities
from safetensors.torch import load_file
from spacy.util import fix_random_seed
from thinc.api import SGD, Adam, Model
from tiny_llama import make_llama
from transformers import AutoModelForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.models.causal_lm import CausalLMShim, create_causal_lm
from spacy_slm_ner.models.pretrained.lora import create_lora

LESSONS = [
    teach(with_entities("Come at 4 pm or May 5", (2, 4, "TIME"), (5, 7, "DATE"))),
    teach(with_entities("4 or 4", (2, 3, "TIME"))),
    teach(with_entities("Friday morning please", (0, 1, "DATE"), (1, 2, "TIME"))),
]
ASKED = ["Come at 4 pm or May 5", "May May 4 or 4", "Friday at 9:30", "五月 😀", "on the morning"]
QUESTIONS = [ask(split(text)) for text in ASKED]
LORA: dict[str, Any] = {"r": 4, "alpha": 8, "dropout": 0.0}


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of another base of the same shape."""
    return make_llama(tmp_path_factory.mktemp("bases") / "other", WORDS, seed=1)


def make(base: Path | str, lora: Optional[dict[str, Any]] = LORA, **settings: Any) -> Model:
    chosen = {"precision": "fp32", **settings}
    return create_causal_lm(str(base), lora=None if lora is None else create_lora(**lora), **chosen)


def ready(base: Path | str, seed: int = 0, **settings: Any) -> Model:
    model = make(base, **settings)
    fix_random_seed(seed)
    model.initialize()
    return model


def learn(model: Model, steps: int = 3, optimizer: Any = None, lessons: Any = LESSONS) -> list[float]:
    """Losses before each update."""
    optimizer = optimizer or Adam(0.03, L2=0.0)
    losses = []
    for _ in range(steps):
        nll, backprop = model.begin_update(lessons)
        backprop(model.ops.alloc1f(len(nll)) + 1 / len(nll))
        model.finish_update(optimizer)
        losses.append(float(nll.mean()))
    return losses


def taught(base: Path | str, **settings: Any) -> Model:
    model = ready(base, **settings)
    learn(model)
    return model


def shim(model: Model) -> CausalLMShim:
    found = model.shims[0]
    assert isinstance(found, CausalLMShim)
    return found


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in shim(model).generator.model.named_parameters()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def assert_equal(found: Model, expected: Model, tolerance: float = 1e-5) -> None:
    """The same weights, bit for bit, and the same answers; where weights lie in memory may round sums in another way."""
    assert changed(weights(expected), weights(found)) == set()
    assert_same(found.predict(QUESTIONS), expected.predict(QUESTIONS), tolerance)


def differ(one: Any, other: Any) -> bool:
    return [answer.path for answer in one] != [answer.path for answer in other]


# Settings


@pytest.mark.parametrize("pieces", [0, -1])
def test_a_limit_below_one_piece_is_an_error(pieces: int, llama: Path) -> None:
    with pytest.raises(ValueError, match=f"Got batch_pieces = {pieces}, allowed is 1 or more"):
        make(llama, batch_pieces=pieces)


def test_an_unknown_precision_is_an_error_before_anything_is_loaded() -> None:
    with pytest.raises(ValueError, match="Got the precision 'fp8', allowed are auto, bf16, fp32"):
        make("no/such-base", precision="fp8")


def test_a_base_is_not_looked_for_before_it_is_needed(hub: Callable[..., list[Any]]) -> None:
    asked = hub({})
    make("some/base")
    assert asked == []


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda model: model.predict(QUESTIONS), id="predict"),
        pytest.param(lambda model: model.begin_update(LESSONS), id="update"),
        pytest.param(lambda model: model.finish_update(Adam(0.1)), id="finish"),
        pytest.param(lambda model: model.shims[0].count_pieces(["x"]), id="count"),
        pytest.param(lambda model: model.shims[0].adapters, id="adapters"),
        pytest.param(lambda model: model.shims[0].use_adapter("x"), id="use-adapter"),
    ],
)
def test_a_model_that_is_not_loaded_says_how_to_load_it(use: Callable[[Model], Any], llama: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is not loaded: call `nlp\.initialize\(\)`.*or load a trained pipeline with `spacy\.load`"
    ):
        use(make(llama))


def test_a_missing_base_is_an_error_at_initialization(hub: Callable[..., list[Any]]) -> None:
    hub({})
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/base'"):
        ready("some/base")


def test_layers_that_the_base_lacks_are_an_error_at_initialization(llama: Path) -> None:
    with pytest.raises(BaseModelError, match="Cannot adapt the base"):
        ready(llama, lora={"targets": ["query"]})


# Training


def test_a_new_adapter_answers_as_its_base(llama: Path) -> None:
    assert_same(ready(llama).predict(QUESTIONS), ready(llama, lora=None).predict(QUESTIONS), 1e-5)


def test_the_output_in_training_is_the_loss_of_each_request(llama: Path) -> None:
    model = ready(llama)
    nll, _ = model.begin_update(LESSONS)
    assert nll.shape == (len(LESSONS),) and nll.dtype == "float32"
    assert nll.tolist() == pytest.approx(shim(model).generator.nll(LESSONS).tolist())


def test_training_leaves_the_base_as_it_was(llama: Path) -> None:
    model = ready(llama)
    before = weights(model)
    learn(model)
    assert {name for name in changed(before, weights(model)) if ".lora_" not in name} == set()
    base = AutoModelForCausalLM.from_pretrained(llama).state_dict()
    for name, value in shim(model).generator.model.get_base_model().state_dict().items():
        if ".lora_" not in name:
            assert torch.equal(value, base[name.replace(".base_layer.", ".")]), name


def test_an_update_changes_all_weights_that_are_trained_and_no_others(llama: Path) -> None:
    model = ready(llama)
    before = weights(model)
    trainable = {name for name, value in shim(model).generator.model.named_parameters() if value.requires_grad}
    learn(model, 2)
    assert changed(before, weights(model)) == trainable
    assert all(".lora_" in name for name in trainable)


def test_an_update_leaves_adapters_alone_that_are_not_in_use(llama: Path, tmp_path: Path) -> None:
    model = taught(llama)
    shim(model).to_disk(tmp_path / "stored")
    shim(model).load_adapter("second", tmp_path / "stored")
    before = weights(model)
    learn(model)
    assert all(".default." in name for name in changed(before, weights(model)))
    shim(model).use_adapter("second")
    before = weights(model)
    learn(model)
    assert changed(before, weights(model)) != set()
    assert all(".second." in name for name in changed(before, weights(model)))


def test_an_update_forgets_its_gradients(llama: Path) -> None:
    model = taught(llama)
    assert all(value.grad is None for value in shim(model).generator.model.parameters())
    before = weights(model)
    model.finish_update(Adam(0.1, L2=0.0))
    assert changed(before, weights(model)) == set()


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_updates_lower_the_loss(lora: Any, llama: Path) -> None:
    losses = learn(ready(llama, lora=lora), 15, Adam(0.01, L2=0.0))
    assert losses[-1] < 0.5 * losses[0]


def test_an_update_is_a_step_against_the_gradient(llama: Path) -> None:
    model = ready(llama)
    before = weights(model)
    nll, backprop = model.begin_update(LESSONS)
    backprop(model.ops.alloc1f(len(nll)) + 1.0)
    gradients = {
        name: value.grad.clone() for name, value in shim(model).generator.model.named_parameters() if value.grad is not None
    }
    model.finish_update(SGD(0.01, L2=0.0, grad_clip=0.0))
    after = weights(model)
    for name, gradient in gradients.items():
        torch.testing.assert_close(after[name], before[name] - 0.01 * gradient, rtol=1e-5, atol=1e-7)


def test_the_gradient_of_each_request_counts_as_much_as_is_said(llama: Path) -> None:
    def gradients(parts: list[float], lessons: Any) -> list[torch.Tensor]:
        model = ready(llama)
        _, backprop = model.begin_update(lessons)
        backprop(model.ops.asarray1f(parts))
        return [value.grad for value in shim(model).generator.model.parameters() if value.grad is not None]

    for found, expected in zip(gradients([0.0, 2.0, 0.0], LESSONS), gradients([2.0], LESSONS[1:2]), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_gradients_of_two_batches_add_up(llama: Path) -> None:
    def trained(batches: list[Any]) -> dict[str, torch.Tensor]:
        model = ready(llama)
        for batch in batches:
            nll, backprop = model.begin_update(batch)
            backprop(model.ops.alloc1f(len(nll)) + 1.0)
        model.finish_update(SGD(0.01, L2=0.0, grad_clip=0.0))
        return weights(model)

    together, apart = trained([LESSONS]), trained([LESSONS[:1], LESSONS[1:]])
    for name, value in together.items():
        torch.testing.assert_close(apart[name], value, rtol=1e-4, atol=1e-5)


def test_without_an_adapter_all_weights_are_trained(llama: Path) -> None:
    model = ready(llama, lora=None)
    before = weights(model)
    learn(model, 1)
    assert changed(before, weights(model)) == before.keys()
    assert (shim(model).adapters, shim(model).active) == ([], None)


def test_checkpointed_gradients_are_the_same(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same attention on both sides: plain and fused round differently.
    monkeypatch.setattr("spacy_slm_ner.models.generation.training_loss.LONG", 0)

    def gradients(**settings: Any) -> dict[str, torch.Tensor]:
        model = ready(llama, **settings)
        learn(model, 1)
        nll, backprop = model.begin_update(LESSONS)
        backprop(model.ops.alloc1f(len(nll)) + 1.0)
        assert shim(model).generator.model.is_gradient_checkpointing is settings["gradient_checkpointing"]
        named = shim(model).generator.model.named_parameters()
        return {name: value.grad for name, value in named if value.grad is not None}

    for lora in (LORA, None):
        plain, checkpointed = (gradients(lora=lora, gradient_checkpointing=on) for on in (False, True))
        assert plain.keys() == checkpointed.keys() != set()
        for name, gradient in plain.items():
            torch.testing.assert_close(checkpointed[name], gradient, rtol=1e-5, atol=1e-7)


def test_checkpointing_does_not_change_answers(llama: Path) -> None:
    assert_same(taught(llama, gradient_checkpointing=True).predict(QUESTIONS), taught(llama).predict(QUESTIONS), 1e-5)


def test_the_same_seed_gives_the_same_model(llama: Path) -> None:
    lora = {**LORA, "dropout": 0.3}
    first, second, third = (taught(llama, lora=lora, seed=seed) for seed in (7, 7, 8))
    assert changed(weights(first), weights(second)) == set()
    assert_equal(first, second)
    assert changed(weights(first), weights(third)) != set()


def test_dropout_acts_in_training_only(llama: Path) -> None:
    model = taught(llama, lora={**LORA, "dropout": 0.5})
    assert model.begin_update(LESSONS)[0].tolist() != model.begin_update(LESSONS)[0].tolist()
    assert_same(model.predict(QUESTIONS), model.predict(QUESTIONS), 0.0)


def test_answers_follow_each_update(llama: Path) -> None:
    model = ready(llama)
    first = model.predict(QUESTIONS)
    learn(model)
    second = model.predict(QUESTIONS)
    learn(model)
    assert differ(first, second) and differ(second, model.predict(QUESTIONS))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_answers_in_between_do_not_disturb_training_nor_later_answers(lora: Any, precision: str, llama: Path) -> None:
    plain, interrupted = (ready(llama, lora=lora, precision=precision) for _ in range(2))
    optimizers = Adam(0.01), Adam(0.01)
    for _ in range(3):
        learn(plain, 1, optimizers[0])
        learn(interrupted, 1, optimizers[1])
        interrupted.predict(QUESTIONS)
    assert_equal(interrupted, plain, 1e-5 if precision == "fp32" else 0.05)


def test_averages_take_the_place_of_weights_for_a_while(llama: Path) -> None:
    model, optimizer = ready(llama), Adam(0.1, L2=0.0, use_averages=True)
    learn(model, 5, optimizer)
    before, answers = weights(model), model.predict(QUESTIONS)
    with model.use_params(optimizer.averages):
        inside = weights(model)
        averaged = model.predict(QUESTIONS)
    trained = {name for name in before if ".lora_" in name}
    assert changed(before, inside) == trained
    name = sorted(trained)[0]
    expected = torch.from_numpy(optimizer.averages[shim(model).id, name])
    assert torch.equal(inside[name], expected)
    assert changed(before, weights(model)) == set()
    assert_same(model.predict(QUESTIONS), answers)
    assert differ(averaged, answers)


def test_pieces_are_counted(llama: Path) -> None:
    model = ready(llama)
    texts = ["Come at 4", "", "<|im_end|>"]
    assert shim(model).count_pieces(texts) == [len(shim(model).generator.chat.encode_plain(text)) for text in texts]


def test_a_copy_learns_on_its_own(llama: Path) -> None:
    model = taught(llama)
    before = model.predict(QUESTIONS)
    copy = model.copy()
    assert_equal(copy, model)
    learn(copy)
    assert_same(model.predict(QUESTIONS), before, 0.0)
    assert differ(copy.predict(QUESTIONS), before)


# Storage


def by_disk(model: Model, empty: Model, folder: Path) -> Model:
    shim(model).to_disk(folder / "stored")
    shim(empty).from_disk(folder / "stored")
    return empty


def by_bytes(model: Model, empty: Model, folder: Path) -> Model:
    shim(empty).from_bytes(shim(model).to_bytes())
    return empty


def by_thinc_disk(model: Model, empty: Model, folder: Path) -> Model:
    model.to_disk(folder / "thinc")
    return empty.from_disk(folder / "thinc")


def by_thinc_bytes(model: Model, empty: Model, folder: Path) -> Model:
    return empty.from_bytes(model.to_bytes())


def twice(model: Model, empty: Model, folder: Path) -> Model:
    return by_disk(by_bytes(model, model.copy(), folder), empty, folder)


WAYS = pytest.mark.parametrize("way", [by_disk, by_bytes, by_thinc_disk, by_thinc_bytes, twice])
KEPT = pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="lora"),
        pytest.param({"store_base": True}, id="lora-and-base"),
        pytest.param({"lora": None}, id="whole"),
        pytest.param({"lora": {**LORA, "targets": ["q_proj", "down_proj"]}}, id="some-layers"),
    ],
)


@WAYS
@KEPT
def test_a_stored_model_answers_as_before(way: Any, settings: Any, llama: Path, tmp_path: Path) -> None:
    assert_comes_back(way, llama, settings, tmp_path)


@KEPT
def test_a_stored_model_over_a_base_of_the_hub_answers_as_before(
    settings: Any, llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): llama})
    assert_comes_back(twice, "some/base", settings, tmp_path)


def assert_comes_back(way: Any, base: Path | str, settings: Any, tmp_path: Path) -> None:
    model = taught(base, **settings)
    before = model.predict(QUESTIONS)
    assert differ(before, ready(base, **settings).predict(QUESTIONS))
    loaded = way(model, make(base, **settings), tmp_path)
    assert_equal(loaded, model)
    expected = pytest.approx(model.begin_update(LESSONS)[0].tolist(), rel=1e-5)
    assert loaded.begin_update(LESSONS)[0].tolist() == expected
    assert_same(model.predict(QUESTIONS), before, 0.0)


@pytest.mark.parametrize(
    ("local", "settings", "stored"),
    [
        pytest.param(True, {}, True, id="folder"),
        pytest.param(False, {}, False, id="hub"),
        pytest.param(False, {"store_base": True}, True, id="hub-and-wanted"),
        pytest.param(False, {"lora": None}, True, id="hub-and-trained-as-a-whole"),
    ],
)
def test_a_base_is_stored_where_its_name_is_not_enough(
    local: bool, settings: Any, stored: bool, llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): llama})
    model = taught(llama if local else "some/base", **settings)
    shim(model).to_disk(tmp_path / "stored")
    assert (tmp_path / "stored" / "base" / "model.safetensors").is_file() is stored
    assert (tmp_path / "stored" / "base").exists() is stored
    assert (tmp_path / "stored" / "adapters").exists() is ("lora" not in settings)


@KEPT
@pytest.mark.parametrize("way", [by_disk, twice])
def test_a_stored_base_is_not_looked_for_again(
    way: Any, settings: Any, llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    base = Path(shutil.copytree(llama, tmp_path / "moved"))
    asked = hub({})
    model = taught(base, **settings)
    shutil.rmtree(base)
    loaded = way(model, make(base, **settings), tmp_path)
    assert_equal(loaded, model)
    assert asked == []


def test_random_weights_are_stored(llama: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(llama, tmp_path / "shape"))
    (base / "model.safetensors").unlink()
    model = taught(base)
    fix_random_seed(99)
    assert_equal(by_disk(model, make(base), tmp_path), model)


def test_a_stored_base_is_one_that_transformers_loads(llama: Path, tmp_path: Path) -> None:
    shim(taught(llama)).to_disk(tmp_path / "stored")
    stored, base = load_file(tmp_path / "stored" / "base" / "model.safetensors"), load_file(llama / "model.safetensors")
    assert stored.keys() == base.keys()
    assert all(torch.equal(stored[name], base[name]) for name in base)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "stored" / "base").state_dict()
    assert all(torch.equal(found[name], base[name]) for name in base)


def test_only_safe_and_small_files_are_written(llama: Path, tmp_path: Path) -> None:
    shim(taught(llama)).to_disk(tmp_path / "stored")
    files = {file.relative_to(tmp_path / "stored").as_posix() for file in (tmp_path / "stored").rglob("*") if file.is_file()}
    assert files == {
        "generator.json",
        "adapters/default/adapter_config.json",
        "adapters/default/adapter_model.safetensors",
        "base/chat_template.jinja",
        "base/config.json",
        "base/generation_config.json",
        "base/model.safetensors",
        "base/special_tokens_map.json",
        "base/tokenizer.json",
        "base/tokenizer_config.json",
    }
    for file in (tmp_path / "stored").rglob("*"):
        assert not file.is_file() or not file.read_bytes().startswith((b"\x80", b"PK")), file


@pytest.mark.parametrize("local", [True, False], ids=["folder", "hub"])
@pytest.mark.parametrize("store_base", [True, False], ids=["stored", "named"])
@pytest.mark.parametrize("way", [None, by_disk, by_bytes])
def test_stored_files_name_no_folder_of_this_machine(
    local: bool,
    store_base: bool,
    way: Any,
    llama: Path,
    tmp_path: Path,
    hub: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub({("some/base", "v1"): llama})
    monkeypatch.chdir(tmp_path)
    shutil.copytree(llama, "bases/llama")
    base, revision = ("bases/llama", None) if local else ("some/base", "v1")
    settings = {"revision": revision, "store_base": store_base}
    model = taught(base, **settings)
    if way:
        model = way(model, make(base, **settings), tmp_path / "first")
    shim(model).to_disk("stored")
    for file in Path("stored").rglob("*"):
        for path in (str(tmp_path), tempfile.gettempdir(), str(llama)):
            assert not file.is_file() or path.encode() not in file.read_bytes(), (file, path)
    adapter = json.loads(Path("stored/adapters/default/adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == (None if local or store_base else base)
    manifest = json.loads(Path("stored/generator.json").read_text())
    assert (manifest["base"], manifest["revision"]) == (base, revision)


def test_storing_replaces_what_was_stored(llama: Path, tmp_path: Path) -> None:
    model = taught(llama)
    shim(model).to_disk(tmp_path / "stored")
    shim(model).load_adapter("extra", tmp_path / "stored")
    shim(model).to_disk(tmp_path / "stored")
    assert sorted(folder.name for folder in (tmp_path / "stored" / "adapters").iterdir()) == ["default", "extra"]
    shim(taught(llama)).to_disk(tmp_path / "stored")
    assert [folder.name for folder in (tmp_path / "stored" / "adapters").iterdir()] == ["default"]


def test_loading_replaces_what_was_loaded(llama: Path, tmp_path: Path) -> None:
    model, other = taught(llama), taught(llama, seed=5)
    assert differ(model.predict(QUESTIONS), other.predict(QUESTIONS))
    loaded = by_disk(model, other, tmp_path)
    assert shim(loaded).adapters == ["default"]
    assert_equal(loaded, model)


@pytest.mark.parametrize("way", [by_disk, by_bytes])
def test_a_model_that_is_not_loaded_is_stored_as_such(way: Any, llama: Path, tmp_path: Path) -> None:
    loaded = way(make(llama), make(llama), tmp_path)
    with pytest.raises(ValueError, match="is not loaded"):
        loaded.predict(QUESTIONS)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_a_loaded_model_learns_on(lora: Any, llama: Path, tmp_path: Path) -> None:
    model = taught(llama, lora=lora)
    loaded = by_disk(model, make(llama, lora=lora), tmp_path)
    before = weights(loaded)
    trainable = {name for name, value in shim(model).generator.model.named_parameters() if value.requires_grad}
    assert learn(loaded, 3) == pytest.approx(learn(model, 3), rel=1e-4)
    assert changed(before, weights(loaded)) == trainable


def test_loading_does_not_move_the_random_state_of_answers(llama: Path, tmp_path: Path) -> None:
    model = taught(llama, lora={**LORA, "dropout": 0.5})
    fix_random_seed(3)
    loaded = by_disk(model, make(llama, lora={**LORA, "dropout": 0.5}), tmp_path)
    assert_equal(loaded, model)


# The base of a stored model


@pytest.fixture
def stored(llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]) -> Path:
    """A model over a base of the hub, named but not stored."""
    hub({("some/base", "v1"): llama})
    shim(taught("some/base", revision="v1")).to_disk(tmp_path / "stored")
    return tmp_path / "stored"


def test_a_named_base_is_asked_for_with_its_revision(stored: Path, llama: Path, hub: Callable[..., list[Any]]) -> None:
    asked = hub({("some/base", "v1"): llama})
    shim(make("some/base", revision="v1")).from_disk(stored)
    assert asked == [("some/base", "v1")]


def test_a_base_that_is_gone_is_an_error(stored: Path, hub: Callable[..., list[Any]]) -> None:
    hub({})
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/base'"):
        shim(make("some/base", revision="v1")).from_disk(stored)


def test_another_base_is_an_error(stored: Path, other: Path, hub: Callable[..., list[Any]]) -> None:
    hub({("another/base", None): other})
    with pytest.raises(
        BaseModelError,
        match=r"was trained over the base 'some/base' \(revision '?v1'?\), but the weights of 'another/base' are others",
    ):
        shim(make("another/base")).from_disk(stored)


def test_another_revision_is_an_error(stored: Path, llama: Path, other: Path, hub: Callable[..., list[Any]]) -> None:
    hub({("some/base", "v1"): llama, ("some/base", "v2"): other})
    with pytest.raises(BaseModelError, match=r"was trained over the base 'some/base' \(revision '?v1'?\).*or the right revision"):
        shim(make("some/base", revision="v2")).from_disk(stored)


def test_the_same_weights_by_another_name_will_do(stored: Path, llama: Path) -> None:
    loaded = make(llama)
    shim(loaded).from_disk(stored)
    assert len(loaded.predict(QUESTIONS)) == len(QUESTIONS)


# Adapters


@pytest.fixture
def second(llama: Path, tmp_path: Path) -> tuple[Path, Any]:
    """Another model over the same base, stored, and its answers."""
    model = ready(llama, seed=3, lora={**LORA, "r": 2})
    learn(model, 5)
    shim(model).to_disk(tmp_path / "second")
    return tmp_path / "second", model.predict(QUESTIONS)


def test_a_loaded_adapter_answers_as_the_model_that_it_is_from(llama: Path, second: tuple[Path, Any]) -> None:
    model = taught(llama)
    before = model.predict(QUESTIONS)
    shim(model).load_adapter("second", second[0])
    assert (shim(model).adapters, shim(model).active) == (["default", "second"], "default")
    assert_same(model.predict(QUESTIONS), before, 0.0)
    shim(model).use_adapter("second")
    assert shim(model).active == "second"
    assert_same(model.predict(QUESTIONS), second[1], 1e-5)
    shim(model).use_adapter("default")
    assert_same(model.predict(QUESTIONS), before, 0.0)


@WAYS
@pytest.mark.parametrize("active", ["default", "second"])
def test_all_adapters_and_the_choice_are_stored(
    way: Any, active: str, llama: Path, second: tuple[Path, Any], tmp_path: Path
) -> None:
    model = taught(llama)
    shim(model).load_adapter("second", second[0])
    shim(model).use_adapter(active)
    loaded = way(model, make(llama), tmp_path)
    assert (sorted(shim(loaded).adapters), shim(loaded).active) == (["default", "second"], active)
    for name in (active, "default", "second"):
        shim(model).use_adapter(name)
        shim(loaded).use_adapter(name)
        assert_equal(loaded, model)


def test_an_adapter_of_a_stored_base_fits_the_same_base_from_the_hub(
    llama: Path, second: tuple[Path, Any], hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): llama})
    model = taught("some/base")
    shim(model).load_adapter("second", second[0])
    shim(model).use_adapter("second")
    assert_same(model.predict(QUESTIONS), second[1], 1e-5)


@pytest.mark.parametrize("here", [True, False], ids=["here", "there"])
def test_adapters_and_weights_that_are_trained_as_a_whole_do_not_mix(here: bool, llama: Path, tmp_path: Path) -> None:
    given, model = (ready(llama, lora=LORA if (one == "given") is here else None) for one in ("given", "model"))
    shim(given).to_disk(tmp_path / "given")
    before = model.predict(QUESTIONS)
    with pytest.raises(BaseModelError, match=r"Adapters need LoRA on both sides, .* trained as a whole \(lora = null\)"):
        shim(model).load_adapter("new", tmp_path / "given")
    assert_same(model.predict(QUESTIONS), before, 0.0)


def test_an_adapter_over_another_base_is_an_error(other: Path, second: tuple[Path, Any]) -> None:
    model = taught(other)
    before = model.predict(QUESTIONS)
    with pytest.raises(
        BaseModelError, match=r"second was trained over the base .*llama.*but the weights of .*other.* are others"
    ):
        shim(model).load_adapter("second", second[0])
    assert shim(model).adapters == ["default"]
    assert_same(model.predict(QUESTIONS), before, 0.0)


def test_a_folder_that_is_no_model_has_no_adapter(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"holds no generator\.json\. Name the folder `model` of a trained slm_ner"):
        shim(ready(llama)).load_adapter("second", tmp_path)


def test_an_unknown_adapter_cannot_be_used(llama: Path) -> None:
    with pytest.raises(BaseModelError, match="Got the adapter 'x', there are: default"):
        shim(ready(llama)).use_adapter("x")


def test_a_taken_name_is_an_error(llama: Path, second: tuple[Path, Any]) -> None:
    with pytest.raises(BaseModelError, match="There is an adapter 'default' already"):
        shim(ready(llama)).load_adapter("default", second[0])


# Precision


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_half_precision_learns_and_answers(lora: Any, llama: Path) -> None:
    model = ready(llama, lora=lora, precision="bf16")
    losses = learn(model, 15, Adam(0.01, L2=0.0))
    assert losses[-1] < 0.6 * losses[0]
    for request, answer, text in zip(QUESTIONS, model.predict(QUESTIONS), ASKED, strict=True):
        assert answer.complete and BioLines(LABELS).parse(answer.text, split(text)).problems == [], request


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_half_precision_keeps_what_is_trained_in_full(lora: Any, llama: Path) -> None:
    model = taught(llama, lora=lora, precision="bf16")
    named = dict(shim(model).generator.model.named_parameters())
    assert {value.dtype for value in named.values() if value.requires_grad} == {torch.float32}
    frozen = {value.dtype for value in named.values() if not value.requires_grad}
    assert frozen == ({torch.bfloat16} if lora else set())


@pytest.mark.parametrize("way", [by_disk, by_bytes, twice])
@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
@pytest.mark.parametrize("local", [True, False], ids=["folder", "hub"])
def test_a_model_in_half_precision_is_stored_and_loaded(
    way: Any, lora: Any, local: bool, llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): llama})
    base = llama if local else "some/base"
    model = taught(base, lora=lora, precision="bf16")
    loaded = way(model, make(base, lora=lora, precision="bf16"), tmp_path)
    assert_equal(loaded, model, 0.05)


@pytest.mark.parametrize(("trained", "used"), [("bf16", "fp32"), ("fp32", "bf16")])
def test_the_precision_can_be_changed_later(
    trained: str, used: str, llama: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): llama})
    model = taught("some/base", precision=trained)
    loaded = by_disk(model, make("some/base", precision=used), tmp_path)
    assert loaded.begin_update(LESSONS)[0].tolist() == pytest.approx(model.begin_update(LESSONS)[0].tolist(), rel=0.1)


@pytest.mark.parametrize("able", [True, False], ids=["able", "unable"])
def test_auto_is_what_the_processor_can(able: bool, llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacy_slm_ner.models.pretrained.precision.has_bf16", lambda device: able)
    model = ready(llama, precision="auto")
    assert shim(model).generator.dtype is (torch.bfloat16 if able else torch.float32)
