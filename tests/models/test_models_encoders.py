"""Encoders as the hub has them: the real cased tokenizer of distilbert-base-cased and dslim/distilbert-NER, random weights."""

import shutil
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config

from spacy_slm_ner.models.pretrained.hub import copy_base

ROOT = Path(__file__).parent.parent.parent
NER_LABELS = 9


@pytest.fixture(scope="module")
def tagger(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token classifier with a head of nine labels, as a folder."""
    from transformers import DistilBertConfig, DistilBertForTokenClassification

    folder = tmp_path_factory.mktemp("hub") / "distilbert-NER"
    shutil.copytree(data / "tokenizers" / "bert-cased-2000", folder)
    settings = srsly.read_json(folder / "tokenizer_config.json")
    srsly.write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "DistilBertTokenizer"})
    config = DistilBertConfig(vocab_size=2000, dim=16, n_layers=2, n_heads=2, hidden_dim=16, num_labels=NER_LABELS)
    DistilBertForTokenClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def nlp(tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> Language:
    """The project's transformer pipeline over that model, initialised on two texts."""
    folder = tmp_path_factory.mktemp("project")
    copy_base(str(tagger), folder / "base")
    blank = spacy.blank("en")
    texts = [blank("Meet Zoltán at 6 pm"), blank("No, thanks")]
    texts[0].ents = [texts[0].char_span(5, 11, "NAME"), texts[0].char_span(15, 19, "TIME")]
    for doc, intent in zip(texts, ("inquiry", "cancel")):
        doc.cats = {name: float(name == intent) for name in ("inquiry", "cancel")}
    spacy.tokens.DocBin(docs=texts).to_disk(folder / "train.spacy")
    paths = {
        "paths.train": str(folder / "train.spacy"),
        "paths.dev": str(folder / "train.spacy"),
        "paths.base": str(folder / "base"),
    }
    return init_nlp(load_config(ROOT / "configs" / "trf.cfg", overrides=paths, interpolate=False))


def test_the_head_of_the_hub_model_is_not_reused(nlp: Language) -> None:
    transformer = nlp.get_pipe("transformer").model.transformer
    assert type(transformer).__name__ == "DistilBertModel"
    assert set(nlp.get_pipe("ner").labels) == {"NAME", "TIME"}


def test_it_learns_and_predicts(nlp: Language) -> None:
    gold = nlp.make_doc("Meet Zoltán at 6 pm")
    gold.ents = [gold.char_span(5, 11, "NAME")]
    gold.cats = {"inquiry": 1.0, "cancel": 0.0}
    losses = nlp.update([Example(nlp.make_doc(gold.text), gold)], sgd=nlp.create_optimizer())
    assert losses["ner"] > 0 and losses["textcat"] > 0
    assert set(nlp("Meet Zoltán at 6 pm").cats) == {"inquiry", "cancel"}


def test_word_embeddings_are_frozen_by_the_config(nlp: Language) -> None:
    weights = dict(nlp.get_pipe("transformer").model.transformer.named_parameters())
    assert not weights["embeddings.word_embeddings.weight"].requires_grad
    assert weights["embeddings.position_embeddings.weight"].requires_grad


def test_a_saved_pipeline_loads_without_the_base(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path)
    text = "Meet Zoltán at 6 pm"
    assert spacy.load(tmp_path)(text).cats == nlp(text).cats
