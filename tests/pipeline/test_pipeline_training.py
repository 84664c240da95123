"""Tiny language models, trained until they know a few records by heart, on the roads that a spaCy pipeline can take."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
import spacy
import srsly
from spacy.cli._util import app
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import load_config, load_model_from_config, registry
from thinc.api import Adam
from tiny_llama import make_llama
from typer.testing import CliRunner

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.pipeline.slm_ner import SlmNer
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog

ROOT = Path(__file__).parents[2]
LABELS = ("DATE", "EMAIL", "NAME", "TIME")
INTENTS = ("cancel", "inquiry")
FORMATS = pytest.mark.parametrize("format", ["BioLines", "TokenLines", "SpanLines", "InlineTags", "TrailingTags"])
# The steps that each format needs, the rate, and whether an adapter is trained or all weights.
RECIPES = {
    "BioLines": (80, 0.01, True),
    "TokenLines": (45, 0.005, False),
    "SpanLines": (45, 0.005, False),
    "InlineTags": (60, 0.01, False),
    "TrailingTags": (60, 0.005, False),
}
ADAPTER = {"r": 16, "alpha": 32, "dropout": 0.0}
Entities = list[list[Any]]


# What is trained on


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("training")


@pytest.fixture(scope="module")
def gold(folder: Path) -> list[Doc]:
    """Twenty short records."""
    records = json.loads((ROOT / "assets" / "train.json").read_text(encoding="utf8"))["dataset"]
    short = [record for record in records if len(record["text"]) <= 80]
    # An address is long, so few of them would be among the first.
    chosen = sorted(short, key=lambda record: "@" not in record["text"])[:20]
    (folder / "records.json").write_text(json.dumps(chosen), encoding="utf8")
    docs = Converter(spacy.blank("en"), DamageLog()).convert([folder / "records.json"])
    DocBin(docs=docs).to_disk(folder / "corpus.spacy")
    return docs


@pytest.fixture(scope="module")
def base(folder: Path, gold: list[Doc]) -> Path:
    """A language model with random weights, whose tokenizer has seen texts and prompts."""
    prompts = [form(LABELS, INTENTS).render(gold[0])[0]["content"] for form in (BioLines, SpanLines, InlineTags)]
    return make_llama(folder / "base", [doc.text for doc in gold] + 3 * prompts, hidden=64, layers=2, pieces=500)


def recipe(base: Path, corpus: Path, format: str) -> Dict[str, Any]:
    """Overrides of the project's own config."""
    steps, rate, lora = RECIPES[format]
    overrides = {
        "paths.train": str(corpus),
        "paths.dev": str(corpus),
        "paths.base": str(base),
        "system.gpu_allocator": None,
        "components.slm_ner.format.@misc": f"spacy-slm-ner.{format}.v1",
        "components.slm_ner.intent_weight": 1.0,
        "corpora.train.augmenter": None,
        "components.slm_ner.model.precision": "fp32",
        "training.max_steps": steps,
        "training.eval_frequency": steps,
        "training.batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 20, "get_length": None},
        "training.optimizer.L2": 0.0,
        "training.optimizer.learn_rate.initial_rate": rate,
        "training.optimizer.learn_rate.total_steps": steps,
        "training.optimizer.learn_rate.warmup_steps": 5,
    }
    adapter = {f"components.slm_ner.model.lora.{name}": value for name, value in ADAPTER.items()}
    return {**overrides, **(adapter if lora else {"components.slm_ner.model.lora": None})}


@pytest.fixture(scope="module")
def trained(folder: Path, base: Path, gold: list[Doc]) -> Callable[[str], Path]:
    """The pipeline of a format, trained once."""

    @cache
    def make(format: str) -> Path:
        overrides = recipe(base, folder / "corpus.spacy", format)
        train(ROOT / "configs" / "slm.cfg", folder / format, overrides=overrides)
        return folder / format / "model-last"

    return make


@pytest.fixture(scope="module")
def adapted(trained: Callable[[str], Path]) -> Path:
    """A trained pipeline with an adapter, not to be changed."""
    return trained("BioLines")


@pytest.fixture
def nlp(adapted: Path) -> Language:
    """The same, loaded."""
    return spacy.load(adapted)


def component(nlp: Language, name: str = "slm_ner") -> SlmNer:
    slm_ner = nlp.get_pipe(name)
    assert isinstance(slm_ner, SlmNer)
    return slm_ner


def found(docs: list[Doc]) -> list[Entities]:
    """Entities with scores."""
    return [[[ent.start_char, ent.end_char, ent.label_, ent._.score] for ent in doc.ents] for doc in docs]


def plain(docs: list[Doc]) -> list[Entities]:
    return [[[ent.start_char, ent.end_char, ent.label_] for ent in doc.ents] for doc in docs]


def texts(docs: list[Doc]) -> list[str]:
    return [doc.text for doc in docs]


def assert_same(got: list[Entities], expected: list[Entities]) -> None:
    """The same entities with the same scores."""
    assert [[one[:3] for one in row] for row in got] == [[one[:3] for one in row] for row in expected]
    scores = [[one[3] for row in rows for one in row] for rows in (got, expected)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)


FIND = """
import json, sys, spacy
for line in sys.stdin:
    model, texts = json.loads(line)
    docs = spacy.load(model).pipe(texts)
    print(json.dumps([[[e.start_char, e.end_char, e.label_, e._.score] for e in doc.ents] for doc in docs]), flush=True)
"""
Elsewhere = Callable[[Path, List[Doc]], List[Entities]]


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """Another process in another folder, which loads pipelines and finds entities with scores."""
    cwd = tmp_path_factory.mktemp("elsewhere")
    process = subprocess.Popen(
        [sys.executable, "-c", FIND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=cwd, encoding="utf8"
    )
    assert process.stdin and process.stdout
    stdin, stdout = process.stdin, process.stdout

    def find(model: Path, docs: List[Doc]) -> List[Entities]:
        stdin.write(json.dumps([str(model), texts(docs)]) + "\n")
        stdin.flush()
        result: List[Entities] = json.loads(stdout.readline() or '"the other process has died"')
        return result

    with process:
        yield find
        stdin.close()


def weights(nlp: Language, adapter: str = "default") -> bytes:
    """Those of an adapter, as they are stored."""
    files = srsly.msgpack_loads(component(nlp).model.shims[0].to_bytes())
    content: bytes = files[f"adapters/{adapter}/adapter_model.safetensors"]
    return content


def loss_of(nlp: Language, docs: list[Doc]) -> float:
    """Of all docs, without learning."""
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    return component(nlp).update(examples, sgd=False)["slm_ner"]


# Learned by heart


@FORMATS
def test_overfitting_IO(format: str, trained: Callable[[str], Path], elsewhere: Elsewhere, gold: list[Doc]) -> None:
    model = trained(format)
    nlp = spacy.load(model)
    scores = nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in gold])
    docs = list(nlp.pipe(texts(gold)))
    assert (scores["ents_f"], scores["cats_macro_f"]) == (1.0, 1.0)
    assert plain(docs) == plain(gold) and sum(map(len, plain(gold))) > 20
    assert_same(elsewhere(model, gold), found(docs))


@FORMATS
def test_what_was_learned_is_sure(format: str, trained: Callable[[str], Path], gold: list[Doc]) -> None:
    docs = list(spacy.load(trained(format)).pipe(texts(gold)))
    scores = [ent._.score for doc in docs for ent in doc.ents]
    assert min(scores) > 0.5
    assert all(sum(doc.cats.values()) == pytest.approx(1.0) for doc in docs)
    assert [max(doc.cats, key=doc.cats.__getitem__) for doc in docs] == [max(doc.cats, key=doc.cats.__getitem__) for doc in gold]


def test_labels_and_intents_were_read_from_the_data(nlp: Language) -> None:
    assert (component(nlp).labels, component(nlp).intents) == (LABELS, INTENTS)


def test_only_the_adapter_was_trained(nlp: Language, base: Path) -> None:
    from safetensors.torch import load_file

    before = load_file(base / "model.safetensors")
    after = component(nlp).model.shims[0].generator.model.get_base_model().state_dict()
    assert all(after[name.replace("_proj.", "_proj.base_layer.")].equal(value) for name, value in before.items())


def test_a_base_from_a_folder_is_stored_with_the_pipeline(adapted: Path) -> None:
    files = {path.relative_to(adapted / "slm_ner" / "model").as_posix() for path in (adapted / "slm_ner").rglob("*.*")}
    assert {"base/model.safetensors", "base/tokenizer.json", "adapters/default/adapter_model.safetensors"} <= files


def test_a_call_finds_what_a_stream_finds(nlp: Language, gold: list[Doc]) -> None:
    assert_same(found([nlp(text) for text in texts(gold)]), found(list(nlp.pipe(texts(gold), batch_size=7))))


def test_two_processes_find_what_one_finds(nlp: Language, gold: list[Doc]) -> None:
    assert_same(found(list(nlp.pipe(texts(gold), n_process=2, batch_size=5))), found(list(nlp.pipe(texts(gold)))))


FORK = """
import sys, spacy, torch
torch.set_num_threads(2)
torch.randn(2000, 2000) @ torch.randn(2000, 2000)
nlp = spacy.load(sys.argv[1])
texts = ["See you on Friday."] * 4
print(len(list(nlp.pipe(texts))), len(list(nlp.pipe(texts, n_process=2, batch_size=2))))
"""


def test_processes_may_be_started_after_threads_were(adapted: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FORK, str(adapted)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True) as process:
        try:
            output, _ = process.communicate(timeout=150)
        except subprocess.TimeoutExpired:
            # Its processes as well, which wait for threads that they do not have.
            os.killpg(process.pid, signal.SIGKILL)
            pytest.fail("the processes hang")
    assert output.split() == ["4", "4"]


def test_a_pipeline_of_bytes_finds_the_same(nlp: Language, gold: list[Doc]) -> None:
    again = load_model_from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert_same(found(list(again.pipe(texts(gold)))), found(list(nlp.pipe(texts(gold)))))


def test_a_pipeline_that_is_stored_where_it_was_loaded_from_is_the_same(adapted: Path, gold: list[Doc], tmp_path: Path) -> None:
    model = Path(shutil.copytree(adapted, tmp_path / "model"))
    nlp = spacy.load(model)
    expected = found(list(nlp.pipe(texts(gold))))
    nlp.to_disk(model)
    assert_same(found(list(spacy.load(model).pipe(texts(gold)))), expected)


def test_a_pipeline_that_is_stored_again_is_stored_in_the_same_files(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "first")
    spacy.load(tmp_path / "first").to_disk(tmp_path / "second")
    first, second = (
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name / "slm_ner").rglob("*.*")}
        for name in ("first", "second")
    )
    assert [name for name in {**first, **second} if first.get(name) != second.get(name)] == []


def test_a_pipeline_whose_weights_were_all_trained_is_stored_whole(
    trained: Callable[[str], Path], gold: list[Doc], tmp_path: Path
) -> None:
    nlp = spacy.load(trained("SpanLines"))
    nlp.to_disk(tmp_path)
    assert component(nlp).adapters == []
    assert_same(found(list(spacy.load(tmp_path).pipe(texts(gold)))), found(list(nlp.pipe(texts(gold)))))


# A long text


def test_a_text_of_a_hundred_thousand_characters_is_read_in_windows(
    nlp: Language, gold: list[Doc], monkeypatch: pytest.MonkeyPatch
) -> None:
    slm_ner = component(nlp)
    generator = slm_ner.model.shims[0].generator
    lengths: list[int] = []
    generate = generator.generate

    def measured(requests: list) -> list:
        lengths.extend(len(generator.chat.encode_plain(request.messages[-1]["content"])) for request in requests)
        return generate(requests)

    monkeypatch.setattr(generator, "generate", measured)
    text = " ".join(texts(gold))
    text = (text + "\n") * (100_000 // len(text) + 1)
    doc = nlp(text[:100_000])
    assert len(doc.text) == 100_000
    assert len(lengths) > 50
    assert max(lengths) <= slm_ner.settings.window
    assert all(doc[ent.start : ent.end].text.strip() for ent in doc.ents)
    assert doc.user_data.get("slm_ner", {}).get("problems", []) == []


# Trained on


@registry.callbacks("test-describe.v1")
def create_describe() -> Callable[[Language], Language]:
    def describe(nlp: Language) -> Language:
        nlp.meta["description"] = "changed before it was stored"
        return nlp

    return describe


@Language.factory("test_witness")
class Witness:
    """Remembers the entities that it is given to learn from."""

    seen: List[Entities] = []  # noqa: RUF012

    def __init__(self, nlp: Language, name: str) -> None: ...

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def update(self, examples: List[Example], *, drop: float = 0.0, sgd: Any = None, losses: Any = None) -> Dict[str, float]:
        Witness.seen += plain([eg.predicted for eg in examples])
        return losses or {}


def train_on(model: Path, output: Path, **changes: Any) -> Path:
    """Train a stored pipeline further, its component taken from it by `source`. RETURNS: The new one."""
    config = load_config(model / "config.cfg")
    config["components"]["slm_ner"] = {"source": str(model)}
    config["training"].update({"max_steps": 6, "eval_frequency": 6})
    config["training"]["optimizer"]["learn_rate"].update({"initial_rate": 0.001, "total_steps": 6, "warmup_steps": 2})
    for path, value in changes.items():
        section, _, key = path.rpartition("__")
        (config[section] if section else config)[key] = value
    output.mkdir()
    config.to_disk(output / "config.cfg")
    train(output / "config.cfg", output)
    return output / "model-last"


@pytest.fixture(scope="module")
def resumed(adapted: Path, folder: Path) -> Path:
    return train_on(
        adapted,
        folder / "resumed",
        training__accumulate_gradient=2,
        training__before_to_disk={"@callbacks": "test-describe.v1"},
    )


def test_training_goes_on_where_it_has_stopped(resumed: Path, adapted: Path, gold: list[Doc]) -> None:
    assert loss_of(spacy.load(resumed), gold) < loss_of(spacy.load(adapted), gold)
    assert plain(list(spacy.load(resumed).pipe(texts(gold)))) == plain(gold)


def test_a_callback_changes_the_pipeline_before_it_is_stored(resumed: Path) -> None:
    assert spacy.load(resumed).meta["description"] == "changed before it was stored"


def test_the_pipeline_that_was_trained_on_is_left_as_it_was(resumed: Path, nlp: Language, gold: list[Doc]) -> None:
    assert weights(spacy.load(resumed)) != weights(nlp)
    assert plain(list(nlp.pipe(texts(gold)))) == plain(gold)


@pytest.fixture(scope="module")
def frozen(adapted: Path, folder: Path) -> Path:
    """Trained with a frozen component that annotates for another."""
    Witness.seen.clear()
    config = load_config(adapted / "config.cfg")
    return train_on(
        adapted,
        folder / "frozen",
        nlp__pipeline=["slm_ner", "witness"],
        components={**config["components"], "slm_ner": {"source": str(adapted)}, "witness": {"factory": "test_witness"}},
        training__frozen_components=["slm_ner"],
        training__annotating_components=["slm_ner"],
        training__max_steps=1,
        training__eval_frequency=1,
    )


def test_a_frozen_component_does_not_learn(frozen: Path, nlp: Language, gold: list[Doc]) -> None:
    again = spacy.load(frozen)
    assert weights(again) == weights(nlp)
    assert plain(list(again.pipe(texts(gold)))) == plain(gold)


def test_an_annotating_component_shows_others_its_entities(frozen: Path, gold: list[Doc]) -> None:
    assert len(Witness.seen) >= len(gold)
    assert all(ents in Witness.seen for ents in plain(gold)) and all(ents in plain(gold) for ents in Witness.seen)


def test_a_component_annotates_while_it_learns(nlp: Language, gold: list[Doc]) -> None:
    nlp.add_pipe("test_witness")
    Witness.seen.clear()
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in gold]
    first, second = (nlp.update(examples, sgd=Adam(0.0), losses={}, annotates=["slm_ner"]) for _ in range(2))
    assert Witness.seen == 2 * plain(gold)
    assert second == pytest.approx(first, rel=1e-4)


def test_an_update_without_an_optimizer_waits_for_it(nlp: Language, gold: list[Doc]) -> None:
    optimizer = Adam(0.001)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in gold[:4]]
    before = weights(nlp)
    for part in (examples[:2], examples[2:]):
        nlp.update(part, sgd=False)
    assert weights(nlp) == before
    component(nlp).finish_update(optimizer)
    assert weights(nlp) != before


def test_the_answers_follow_the_weights(nlp: Language, gold: list[Doc]) -> None:
    before = [doc.spans["sc"].attrs["scores"] for doc in map(spans_too(nlp), texts(gold))]
    optimizer = Adam(0.001)
    for _ in range(3):
        nlp.update([Example(nlp.make_doc(doc.text), doc) for doc in gold[:4]], sgd=optimizer)
    assert [doc.spans["sc"].attrs["scores"] for doc in map(nlp, texts(gold))] != before


def spans_too(nlp: Language) -> Language:
    from dataclasses import replace

    component(nlp).policy = replace(component(nlp).policy, annotate="both")
    return nlp


# spaCy's own commands


def spacy_cli(*arguments: str | Path, cwd: Path) -> str:
    """Run a command in a folder. RETURNS: What it printed."""
    with chdir(cwd):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.output


def test_debug_data_counts_the_docs(adapted: Path, gold: list[Doc], tmp_path: Path) -> None:
    # Fewer than a hundred are an error to it.
    DocBin(docs=gold * 6).to_disk(tmp_path / "train.spacy")
    output = spacy_cli("debug", "data", adapted / "config.cfg", "--no-format", "--paths.train", "train.spacy", cwd=tmp_path)
    assert "120 training docs" in output
    assert "20 evaluation docs" in output
    assert "Pipeline can be initialized with data" in output


def test_debug_config_finds_the_config_of_the_project_valid(tmp_path: Path) -> None:
    config = ROOT / "configs" / "slm.cfg"
    output = spacy_cli("debug", "config", config, cwd=tmp_path)
    assert "Config is valid" in output


def test_evaluate_prints_and_writes_the_figures(adapted: Path, folder: Path, tmp_path: Path) -> None:
    output = spacy_cli("evaluate", adapted, folder / "corpus.spacy", "--output", "metrics.json", cwd=tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf8"))
    assert (metrics["ents_f"], metrics["cats_macro_f"]) == (1.0, 1.0)
    assert set(metrics["ents_per_type"]) == set(LABELS)
    assert "100.00" in next(line for line in output.splitlines() if line.startswith("NER F"))


@pytest.fixture(scope="module")
def packaged(adapted: Path, folder: Path) -> Path:
    output = folder / "packages"
    output.mkdir()
    command = [sys.executable, "-m", "spacy", "package", str(adapted), str(output)]
    # In a process of its own, as it leaves files open.
    subprocess.run([*command, "--build", "none", "--name", "tiny", "--version", "1.2.3"], cwd=folder, check=True, timeout=300)
    return output / "en_tiny-1.2.3"


@pytest.fixture
def without_base(base: Path) -> Iterator[None]:
    hidden = base.with_name("hidden")
    base.rename(hidden)
    yield
    hidden.rename(base)


def test_a_package_needs_no_base_and_finds_the_same_anywhere(
    packaged: Path, nlp: Language, gold: list[Doc], without_base: None, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    expected = found(list(nlp.pipe(texts(gold))))
    model = Path(shutil.copytree(packaged / "en_tiny" / "en_tiny-1.2.3", tmp_path / "moved"))
    assert_same(elsewhere(model, gold), expected)


def test_a_package_requires_this_one(packaged: Path) -> None:
    meta = json.loads((packaged / "meta.json").read_text(encoding="utf8"))
    assert [one for one in meta["requirements"] if one.startswith(("spacy-slm-ner", "spacy_slm_ner"))]


# Adapters


@pytest.fixture(scope="module")
def second(base: Path, folder: Path, gold: list[Doc]) -> Path:
    """Another pipeline over the same base, which knows days and times as WHEN."""
    overrides = {"components.slm_ner.model.precision": "fp32", "components.slm_ner.model.lora.dropout": 0.0}
    overrides["components.slm_ner.format.@misc"] = "spacy-slm-ner.BioLines.v1"
    nlp = load_model_from_config(load_config(ROOT / "configs" / "slm.cfg", {"paths.base": str(base), **overrides}))
    examples = []
    for doc in gold:
        reference = nlp.make_doc(doc.text)
        when = [ent for ent in doc.ents if ent.label_ in ("DATE", "TIME")]
        reference.set_ents([reference.char_span(ent.start_char, ent.end_char, "WHEN") for ent in when], default="outside")
        reference.cats = dict(doc.cats)
        examples.append(Example(nlp.make_doc(doc.text), reference))
    optimizer = Adam(0.01)
    nlp.initialize(lambda: examples, sgd=optimizer)
    for _ in range(70):
        nlp.update(examples, sgd=optimizer)
    nlp.to_disk(folder / "second")
    return folder / "second"


@pytest.fixture
def both(nlp: Language, second: Path) -> Language:
    """A pipeline with the adapters of both."""
    component(nlp).load_adapter("when", second / "slm_ner")
    return nlp


def test_the_second_pipeline_has_learned_other_labels(second: Path, gold: list[Doc]) -> None:
    labels = [ent[2] for row in plain(list(spacy.load(second).pipe(texts(gold)))) for ent in row]
    assert len(labels) > 5 and set(labels) == {"WHEN"}


def test_loading_an_adapter_changes_nothing_yet(both: Language, adapted: Path, gold: list[Doc]) -> None:
    assert component(both).labels == LABELS
    assert_same(found(list(both.pipe(texts(gold)))), found(list(spacy.load(adapted).pipe(texts(gold)))))


def test_an_adapter_in_use_finds_what_its_own_pipeline_finds(both: Language, second: Path, gold: list[Doc]) -> None:
    component(both).use_adapter("when")
    assert component(both).labels == ("WHEN",)
    assert_same(found(list(both.pipe(texts(gold)))), found(list(spacy.load(second).pipe(texts(gold)))))


def test_the_first_adapter_comes_back_as_it_was(both: Language, adapted: Path, gold: list[Doc]) -> None:
    component(both).use_adapter("when")
    component(both).use_adapter("default")
    assert component(both).labels == LABELS
    assert_same(found(list(both.pipe(texts(gold)))), found(list(spacy.load(adapted).pipe(texts(gold)))))


@pytest.mark.parametrize("name", ["default", "when"])
def test_adapters_survive_to_disk_and_from_disk(
    name: str, both: Language, adapted: Path, second: Path, gold: list[Doc], tmp_path: Path
) -> None:
    component(both).use_adapter("when")
    both.to_disk(tmp_path)
    again = spacy.load(tmp_path)
    assert (component(again).adapters, component(again).labels) == (["default", "when"], ("WHEN",))
    component(again).use_adapter(name)
    own = spacy.load(adapted if name == "default" else second)
    assert component(again).labels == component(own).labels
    assert_same(found(list(again.pipe(texts(gold)))), found(list(own.pipe(texts(gold)))))


def test_only_the_adapter_in_use_learns(both: Language, gold: list[Doc]) -> None:
    component(both).use_adapter("when")
    before = {name: weights(both, name) for name in ("default", "when")}
    reference = both.make_doc(gold[0].text)
    reference.set_ents([], default="outside")
    reference.cats = dict(gold[0].cats)
    both.update([Example(both.make_doc(gold[0].text), reference)], sgd=Adam(0.01))
    assert weights(both, "default") == before["default"]
    assert weights(both, "when") != before["when"]


@pytest.fixture
def bare(base: Path) -> Language:
    """A pipeline over the same base without any adapter."""
    model = {"base": str(base), "lora": None, "precision": "fp32"}
    nlp = spacy.blank("en")
    form = {"@misc": "spacy-slm-ner.BioLines.v1"}
    config = {"labels": ["PLACE"], "intents": ["offer"], "cats": True, "model": model, "format": form}
    nlp.add_pipe("slm_ner", config=config)
    nlp.initialize()
    return nlp


def test_weights_that_were_trained_as_a_whole_take_no_adapter(bare: Language, second: Path) -> None:
    with pytest.raises(BaseModelError, match=r"the weights of this pipeline were trained as a whole"):
        component(bare).load_adapter("when", second / "slm_ner")
    assert component(bare).adapters == []


@pytest.mark.parametrize("name", ["nonsense", ""])
def test_an_adapter_that_is_not_there_is_an_error(nlp: Language, name: str) -> None:
    with pytest.raises(BaseModelError, match=rf"Got the adapter '{name}', there are: default\. Add it with `load_adapter` first"):
        component(nlp).use_adapter(name)
    assert (component(nlp).labels, component(nlp).model.shims[0].active) == (LABELS, "default")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("default", "There is an adapter 'default' already", id="taken"),
        pytest.param("a/b", "Got the adapter name 'a/b'", id="not-a-name"),
    ],
)
def test_an_adapter_cannot_have_any_name(nlp: Language, adapted: Path, name: str, message: str) -> None:
    with pytest.raises(BaseModelError, match=message):
        component(nlp).load_adapter(name, adapted / "slm_ner")
    assert component(nlp).adapters == ["default"]


def test_a_folder_without_a_component_has_no_adapter(nlp: Language, tmp_path: Path) -> None:
    with pytest.raises(BaseModelError, match=r"holds no cfg\. Name the folder of a trained slm_ner"):
        component(nlp).load_adapter("when", tmp_path)


def test_an_adapter_of_another_format_is_refused(nlp: Language, second: Path, tmp_path: Path) -> None:
    shutil.copytree(second / "slm_ner", tmp_path / "slm_ner")
    cfg = tmp_path / "slm_ner" / "cfg"
    cfg.write_text(cfg.read_text(encoding="utf8").replace('"BioLines"', '"SpanLines"'), encoding="utf8")
    with pytest.raises(BaseModelError, match=r"was trained with format = 'SpanLines', this component has 'BioLines'"):
        component(nlp).load_adapter("when", tmp_path / "slm_ner")
    assert component(nlp).adapters == ["default"]


def test_an_adapter_of_another_base_is_refused(nlp: Language, tiny_base: Path, tmp_path: Path) -> None:
    stranger = spacy.blank("en")
    asked = {"labels": ["WHEN"], "intents": ["offer"], "cats": True, "format": {"@misc": "spacy-slm-ner.BioLines.v1"}}
    stranger.add_pipe("slm_ner", config={**asked, "model": {"base": str(tiny_base)}})
    stranger.initialize()
    stranger.to_disk(tmp_path)
    with pytest.raises(BaseModelError, match=r"was trained over the base .*but the weights of .* are others"):
        component(nlp).load_adapter("when", tmp_path / "slm_ner")
    assert component(nlp).adapters == ["default"]
