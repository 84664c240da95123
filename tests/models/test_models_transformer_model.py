"""The `transformer` of the project: states for every token of any text, the same in any thread."""

import json
import pickle
import random
import shutil
import string
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config
from tiny_bert import make_bert

from spacy_slm_ner.models.pretrained.hub import copy_base

pytestmark = pytest.mark.trf

ROOT = Path(__file__).parent.parent.parent
MOST_PIECES = 64
NER_LABELS = 9
RANDOM = random.Random(0)
ENTITIES = "Please call Cleo Marsh before Friday at noon."
LETTERS = string.ascii_letters + string.digits
# Each is more pieces than its tokens let expect.
LONG = {
    "links": " ".join(f"https://t.example/{''.join(RANDOM.choices(LETTERS, k=140))}" for _ in range(6)),
    "hashes": " ".join("".join(RANDOM.choices("0123456789abcdef", k=32)) for _ in range(40)),
    "phone-numbers": ", ".join(f"+49 {RANDOM.randint(100, 999)} {RANDOM.randint(10**6, 10**7)}" for _ in range(60)),
    "line-breaks": "\n \n" * 200,
    "one-token": "x" * 3000,
    "han": "五月" * 300,
    "emoji": "😀👨‍👩‍👧" * 100,
    "emoji-variants": "🌧\ufe0f ❤\ufe0f \ufe0f " * 60,
    "zero-width": "\u200b" * 300,
    "control-characters": "\x01\x02" * 200,
    "markers": "[SEP] [CLS] [PAD] [MASK] " * 40,
}
TEXTS = [ENTITIES, "Meet Ada Finch on Monday", "No, thanks!", "5 o'clock\n\nAda"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that reads 64 pieces at a time, with much dropout."""
    folder = make_bert(tmp_path_factory.mktemp("bases") / "bert", [*TEXTS, *LONG.values()])
    config = json.loads((folder / "config.json").read_text(encoding="utf8"))
    config |= {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf8")
    return folder


def make(base: Path, architecture: str = "spacy-slm-ner.TransformerModel.v1", **settings: Any) -> Language:
    nlp = spacy.blank("en")
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96}
    model = {"@architectures": architecture, "name": str(base), "get_spans": spans, **settings}
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


@pytest.fixture(scope="module")
def nlp(base: Path) -> Language:
    return make(base)


def states(doc: Doc) -> np.ndarray:
    """Mean state of the pieces of each token; zeros where it has none. Shape: (tokens, width)."""
    data = doc._.trf_data
    hidden = data.model_output.last_hidden_state.reshape(-1, data.width)
    ends = np.cumsum(data.align.lengths)
    parts = zip(ends - data.align.lengths, ends)
    rows = [hidden[data.align.dataXd[start:end]].mean(0) if end > start else np.zeros(data.width) for start, end in parts]
    return np.array(rows)


@pytest.mark.parametrize("front", LONG.values(), ids=LONG)
def test_every_token_has_a_state(nlp: Language, front: str) -> None:
    doc = nlp(f"{front} {ENTITIES}")
    data = doc._.trf_data
    assert data.wordpieces.input_ids.shape[1] <= MOST_PIECES
    assert len(data.align.lengths) == len(doc)
    assert all(length > 0 for token, length in zip(doc, data.align.lengths) if not token.is_space)


def example(nlp: Language, front: str) -> Example:
    """A name behind a long text."""
    doc = nlp.make_doc(f"{front} {ENTITIES}")
    gold = doc.copy()
    start = doc.text.index("Cleo")
    gold.ents = [gold.char_span(start, start + 10, "NAME")]
    return Example(doc, gold)


@pytest.fixture(scope="module")
def learner(base: Path) -> Language:
    return add_ner(make(base))


def add_ner(nlp: Language) -> Language:
    """Add a component that learns from the states."""
    ner = nlp.add_pipe("ner", config={"model": {"tok2vec": {"@architectures": "spacy-transformers.TransformerListener.v1",
        "grad_factor": 1.0, "pooling": {"@layers": "reduce_mean.v1"}}}})  # fmt: skip
    ner.add_label("NAME")  # type: ignore[attr-defined]
    nlp.initialize(lambda: [example(nlp, "")])
    return nlp


@pytest.mark.parametrize("front", LONG.values(), ids=LONG)
def test_a_long_text_can_be_learned_from(learner: Language, front: str) -> None:
    transformer = learner.get_pipe("transformer").model.transformer  # type: ignore[attr-defined]
    before = transformer.encoder.layer[0].output.dense.weight.clone()
    optimizer = learner.create_optimizer()
    for _ in range(3):
        learner.update([example(learner, front)], sgd=optimizer)
    assert not transformer.encoder.layer[0].output.dense.weight.equal(before)


def test_a_text_that_the_model_reads_at_once_has_the_states_of_spacy_transformers(base: Path, nlp: Language) -> None:
    stock = make(base, "spacy-transformers.TransformerModel.v3")
    for found, expected in zip(nlp.pipe(TEXTS), stock.pipe(TEXTS)):
        np.testing.assert_allclose(states(found), states(expected), atol=1e-5)
        assert found._.trf_data.wordpieces.strings[0][0] == "[CLS]"


def test_a_state_does_not_depend_on_the_other_texts_of_a_batch(nlp: Language) -> None:
    texts = [*TEXTS, "", "   ", LONG["links"], ""]
    for doc, text in zip(nlp.pipe(texts), texts):
        np.testing.assert_allclose(states(doc) if text else 0, states(nlp(text)) if text else 0, atol=1e-5)


def test_a_selector_of_a_variant_has_the_state_of_its_emoji(nlp: Language) -> None:
    doc = nlp("Meet 🌧\ufe0f Ada")
    assert [token.text for token in doc] == ["Meet", "🌧", "\ufe0f", "Ada"]
    np.testing.assert_array_equal(states(doc)[1], states(doc)[2])


def test_a_marker_in_a_text_is_text(nlp: Language) -> None:
    ids = nlp("[SEP] [CLS]")._.trf_data.wordpieces.input_ids[0].tolist()
    tokenizer = nlp.get_pipe("transformer").model.tokenizer  # type: ignore[attr-defined]
    assert (ids.count(tokenizer.sep_token_id), ids.count(tokenizer.cls_token_id)) == (1, 1)


def test_bf16_in_use_is_near_fp32_and_follows_training(base: Path) -> None:
    exact, rough = make(base), add_ner(make(base, precision="bf16"))
    optimizer = rough.create_optimizer()
    optimizer.learn_rate = 0.1
    model: Any = rough.get_pipe("transformer").model  # type: ignore[attr-defined]
    found = []
    for _ in range(4):
        exact.get_pipe("transformer").from_bytes(rough.get_pipe("transformer").to_bytes())  # type: ignore[attr-defined]
        ours, theirs = (np.concatenate([states(doc) for doc in nlp.pipe(TEXTS)]) for nlp in (rough, exact))
        assert 0 < abs(ours - theirs).max() < 0.1
        found.append(ours)
        rough.update([example(rough, "")], sgd=optimizer)
    assert abs(found[-1] - found[0]).max() > 0.1
    prefix = f"pytorch_{model.layers[0].shims[0].id}_"
    before = states(rough(ENTITIES))
    with model.use_params({f"{prefix}{name}": value.numpy() * 0.5 for name, value in model.transformer.state_dict().items()}):
        assert abs(states(rough(ENTITIES)) - before).max() > 0.1
    assert np.array_equal(states(rough(ENTITIES)), before)


@pytest.mark.parametrize(("precision", "message"), [("int8", "allowed here are"), ("fp8", "Got the precision 'fp8'")])
def test_a_wrong_precision_is_an_error(precision: str, message: str, base: Path) -> None:
    with pytest.raises(ValueError, match=message):
        make(base, precision=precision)


def test_threads_find_what_one_thread_finds(nlp: Language) -> None:
    texts = [f"{text} {number}" for number in range(10) for text in TEXTS]
    expected = [states(nlp(text)) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda text: states(nlp(text)), texts))
    assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(found, expected))


def test_the_first_call_may_come_from_any_thread(base: Path) -> None:
    expected = [states(doc) for doc in make(base).pipe(TEXTS)]
    for _ in range(3):
        nlp = make(base)
        nlp.get_pipe("transformer").model.transformer.train()  # type: ignore[attr-defined]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda text, nlp=nlp: states(nlp(text)), TEXTS))  # type: ignore[misc]
        assert all(np.allclose(one, other, atol=1e-5) for one, other in zip(found, expected))


def again_from_disk(nlp: Language, folder: Path) -> Language:
    nlp.to_disk(folder)
    return spacy.load(folder)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(again_from_disk, id="disk"),
        pytest.param(lambda nlp, _: spacy.util.load_model_from_config(nlp.config).from_bytes(nlp.to_bytes()), id="bytes"),
        pytest.param(lambda nlp, _: pickle.loads(pickle.dumps(nlp)), id="pickle"),
    ],
)
def test_it_comes_back_as_it_was(nlp: Language, again: Any, tmp_path: Path) -> None:
    texts = [*TEXTS, LONG["links"]]
    for found, expected in zip(again(nlp, tmp_path).pipe(texts), nlp.pipe(texts)):
        np.testing.assert_allclose(states(found), states(expected), atol=1e-5)


# An encoder as the hub has it: the cased pieces of distilbert-base-cased and dslim/distilbert-NER, random weights


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
def hub_nlp(tagger: Path, tmp_path_factory: pytest.TempPathFactory) -> Language:
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
    return init_nlp(load_config(ROOT / "configs" / "trf.cfg", overrides=paths, interpolate=True))


def test_the_head_of_the_hub_model_is_not_reused(hub_nlp: Language) -> None:
    transformer = hub_nlp.get_pipe("transformer").model.transformer
    assert type(transformer).__name__ == "DistilBertModel"
    assert set(hub_nlp.get_pipe("ner").labels) == {"NAME", "TIME"}


def test_it_learns_and_predicts(hub_nlp: Language) -> None:
    gold = hub_nlp.make_doc("Meet Zoltán at 6 pm")
    gold.ents = [gold.char_span(5, 11, "NAME")]
    gold.cats = {"inquiry": 1.0, "cancel": 0.0}
    losses = hub_nlp.update([Example(hub_nlp.make_doc(gold.text), gold)], sgd=hub_nlp.create_optimizer())
    assert losses["ner"] > 0 and losses["textcat"] > 0
    assert set(hub_nlp("Meet Zoltán at 6 pm").cats) == {"inquiry", "cancel"}


def test_word_embeddings_are_frozen_by_the_config(hub_nlp: Language) -> None:
    weights = dict(hub_nlp.get_pipe("transformer").model.transformer.named_parameters())
    assert not weights["embeddings.word_embeddings.weight"].requires_grad
    assert weights["embeddings.position_embeddings.weight"].requires_grad


def test_a_saved_pipeline_loads_without_the_base(hub_nlp: Language, tmp_path: Path) -> None:
    hub_nlp.to_disk(tmp_path)
    text = "Meet Zoltán at 6 pm"
    assert spacy.load(tmp_path)(text).cats == hub_nlp(text).cats
