"""One config for data with intents and without."""

import logging
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from spacy.cli.train import train
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model_from_config

from spacy_slm_ner.errors import LabelError
from spacy_slm_ner.training.fit_to_data import weights_without_intents

ROOT = Path(__file__).parents[2]
TEXT = "Ada Quill comes on Friday"
MakeCorpus = Callable[..., Path]
Ready = Callable[[str, Path], Language]


TRF = pytest.param("trf", marks=pytest.mark.trf)
CONFIGS = pytest.mark.parametrize("config", ["tok2vec", TRF, "lora", "slm"])
TWO = ({"hire": 1.0, "fire": 0.0}, {"hire": 0.0, "fire": 1.0})


@CONFIGS
@pytest.mark.parametrize(
    ("cats", "said"),
    [
        pytest.param([{}, {}], "have no intents", id="no-intents"),
        pytest.param([{"hire": 1.0}] * 2, "have a single intent", id="one-intent"),
        pytest.param([{"hire": 1.0}, {}], "have a single intent", id="one-intent-in-some"),
    ],
)
def test_entities_alone_are_learned(
    config: str, cats: list[dict[str, float]], said: str, make_corpus: MakeCorpus, ready: Ready, caplog: Any
) -> None:
    with caplog.at_level(logging.WARNING, "spacy_slm_ner"):
        nlp = ready(config, make_corpus(*cats))
    assert "textcat" not in nlp.pipe_names and "textcat" not in nlp.config["components"]
    assert f"The training texts {said}, so entities alone are learned" in caplog.text
    weights = nlp.config["training"]["score_weights"]
    assert not weights.get("cats_score") and sum(weight or 0 for weight in weights.values()) == pytest.approx(1.0)
    assert "JOB TITLE" in nlp.get_pipe(nlp.pipe_names[-1]).labels  # type: ignore[attr-defined]
    assert isinstance(nlp(TEXT), Doc) and nlp(TEXT).cats == {}


@CONFIGS
@pytest.mark.parametrize("cats", [TWO, (*TWO, {})], ids=["all", "some"])
def test_intents_are_learned_where_there_are_two(
    config: str, cats: list[dict[str, float]], make_corpus: MakeCorpus, ready: Ready
) -> None:
    nlp = ready(config, make_corpus(*cats))
    assert nlp.pipe_names == load_config(ROOT / "configs" / f"{config}.cfg")["nlp"]["pipeline"]
    assert nlp.config["training"]["score_weights"]["cats_score"] == 0.3
    assert nlp.config["initialize"]["before_init"] is None
    assert nlp(TEXT).cats.keys() == {"hire", "fire"}


@CONFIGS
def test_texts_without_any_entity_are_an_error(config: str, make_corpus: MakeCorpus, ready: Ready) -> None:
    with pytest.raises(LabelError, match=r"None of the 2 training texts has an entity.*Records need entity words"):
        ready(config, make_corpus(*TWO, entities=False))


@pytest.mark.trf
def test_a_component_that_is_left_out_listens_no_more(make_corpus: MakeCorpus, ready: Ready) -> None:
    nlp = ready("trf", make_corpus({}, {}))
    assert list(nlp.get_pipe("transformer").listener_map) == ["ner"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", [None, "no/such/file.spacy"], ids=["none", "not-there"])
def test_a_pipeline_that_is_initialised_by_hand_needs_no_file(make_corpus: MakeCorpus, path: str | None) -> None:
    nlp = load_model_from_config(
        load_config(ROOT / "configs" / "tok2vec.cfg", overrides={"paths.train": path, "paths.dev": path})
    )
    examples = list(spacy.training.Corpus(make_corpus(*TWO))(nlp))
    nlp.initialize(lambda: examples)
    assert "textcat" in nlp.pipe_names


def test_what_was_trained_without_intents_is_stored_without_them(make_corpus: MakeCorpus, tmp_path: Path) -> None:
    corpus = str(make_corpus({}, {}))
    steps = {"training.max_steps": 2, "training.eval_frequency": 1}
    train(ROOT / "configs" / "tok2vec.cfg", tmp_path / "out", overrides={"paths.train": corpus, "paths.dev": corpus, **steps})
    nlp = spacy.load(tmp_path / "out" / "model-last")
    assert nlp.pipe_names == ["tok2vec", "ner"] and nlp(TEXT).cats == {}


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({"ents_f": 0.7, "cats_score": 0.3}, {"ents_f": 1.0}),
        (
            {"ents_f": 0.2, "ents_p": 0.2, "ents_per_type": None, "cats_f": 0.6},
            {"ents_f": 0.5, "ents_p": 0.5, "ents_per_type": None},
        ),
        ({"cats_score": 1.0, "ents_f": 0.0}, {"ents_f": 0.0}),
    ],
    ids=["usual", "several", "intents-alone"],
)
def test_the_other_weights_add_up_to_one(weights: dict[str, Any], expected: dict[str, Any]) -> None:
    assert weights_without_intents(weights) == pytest.approx(expected)


@pytest.mark.parametrize("width", [None, 32], ids=["other", "same"])
def test_a_base_of_any_width(width: Any, make_corpus: MakeCorpus, bases: dict[str, Any], tmp_path: Path) -> None:
    """The config that ships says 384."""
    corpus = str(make_corpus(*TWO))
    paths = {"paths.train": corpus, "paths.dev": corpus, "system.gpu_allocator": None, **bases["lora"]}
    said = {} if width is None else {"components.tok2vec.model.width": width}
    nlp = init_nlp(load_config(ROOT / "configs" / "lora.cfg", overrides={**paths, **said}))
    assert nlp.pipe_names == ["tok2vec", "bio_ner", "textcat"]
    config = nlp.config.interpolate()["components"]
    assert config["tok2vec"]["model"]["width"] == config["bio_ner"]["model"]["tok2vec"]["width"] == 32
    assert nlp(TEXT).tensor.shape == (5, 32)
    nlp.to_disk(tmp_path / "stored")
    assert spacy.load(tmp_path / "stored")(TEXT).cats == nlp(TEXT).cats


def test_a_trained_pipeline_holds_its_guidelines(
    make_corpus: MakeCorpus, bases: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.yml"
    path.write_text('labels: {JOB TITLE: {description: "What one does: work", examples: [cook]}}', encoding="utf8")
    corpus = str(make_corpus(*TWO))
    paths = {"paths.train": corpus, "paths.dev": corpus, "system.gpu_allocator": None, **bases["slm"]}
    guidelines = {"components.slm_ner.format.guidelines": str(path)}
    nlp = init_nlp(load_config(ROOT / "configs" / "slm.cfg", overrides={**paths, **guidelines}))
    nlp.to_disk(tmp_path / "stored")
    path.unlink()
    again = spacy.load(tmp_path / "stored")
    for one in (nlp, again):
        slm: Any = one.get_pipe("slm_ner")
        assert "What one does: work" in slm.format.render(one.make_doc(TEXT))[0]["content"]
