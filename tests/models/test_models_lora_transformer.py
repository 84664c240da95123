"""Encoders and decoders as spaCy's `tok2vec`: their states and how they learn. The rest is what `TransformerShim` does."""

import gc
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from encoder_cases import NLP, docs
from spacy.tokens import Doc
from spacy.util import fix_random_seed
from thinc.api import Adam, Model
from transformers import AutoModel, AutoTokenizer

from spacy_slm_ner.errors import BaseModelError
from spacy_slm_ner.models.encoding.encoder_input import EncoderBatch, EncoderInput
from spacy_slm_ner.models.encoding.text_tokenizer import TextTokenizer
from spacy_slm_ner.models.lora_transformer import LoraTransformerShim, create_lora_transformer
from spacy_slm_ner.models.pretrained.lora import create_lora

WIDTH = 32
LORA: dict[str, Any] = {"r": 4, "alpha": 8, "dropout": 0.0}


@pytest.fixture(scope="module", params=["bert", "llama", "open-llama", "half-open-llama", "echo-llama"])
def case(request: pytest.FixtureRequest, bert: Path, llama: Path) -> tuple[Path, dict[str, Any]]:
    """A base, and whether it sees both sides."""
    return {
        "bert": (bert, {}),
        "llama": (llama, {}),
        "open-llama": (llama, {"bidirectional": True}),
        "half-open-llama": (llama, {"bidirectional": [1]}),
        "echo-llama": (llama, {"echo": True, "window": 20}),
    }[request.param]


def make(base: Path | str, lora: Any = LORA, **settings: Any) -> Model:
    chosen = {"precision": "fp32", "width": WIDTH, "window": 40, "overlap": 10, **settings}
    return create_lora_transformer(str(base), lora=None if lora is None else create_lora(**lora), **chosen)


def ready(base: Path | str, **settings: Any) -> Model:
    model = make(base, **settings)
    fix_random_seed(0)
    model.initialize()
    return model


def taught(base: Path | str, **settings: Any) -> Model:
    """A model whose adapter does something."""
    model = ready(base, **settings)
    for _ in range(2):
        states, backprop = model.begin_update(docs())
        backprop([np.ones_like(one) for one in states])
        model.finish_update(Adam(0.01))
    return model


def shim(model: Model) -> LoraTransformerShim:
    found = model.shims[0]
    assert isinstance(found, LoraTransformerShim)
    return found


def assert_same(found: list[Any], expected: list[Any], tolerance: float = 1e-5) -> None:
    assert [one.shape for one in found] == [one.shape for one in expected]
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance)


# States


@pytest.mark.parametrize("pooling", ["first", "last", "mean"])
@pytest.mark.parametrize("kind", ["bert", "llama"])
def test_states_are_those_of_transformers(kind: str, pooling: str, request: pytest.FixtureRequest) -> None:
    """Of a plain run over the text, each token made of the pieces that its characters are in."""
    base = request.getfixturevalue(kind)
    (doc,) = docs(["Come at 4pm or on May 5, please!"])
    tokenizer, model = AutoTokenizer.from_pretrained(base), AutoModel.from_pretrained(base).eval()
    encoded = tokenizer(doc.text, return_tensors="pt", return_offsets_mapping=True)
    (offsets,) = encoded.pop("offset_mapping").tolist()
    with torch.inference_mode():
        (hidden,) = model(**encoded).last_hidden_state
    expected = []
    for token in doc:
        own = [i for i, (start, end) in enumerate(offsets) if start < token.idx + len(token) and token.idx < end]
        chosen = {"first": own[:1], "last": own[-1:], "mean": own}[pooling]
        expected.append(hidden[chosen].mean(dim=0).numpy())
    assert_same(ready(base, pooling=pooling).predict([doc]), [np.stack(expected)])


def test_batches_and_padding_change_nothing(case: tuple[Path, dict[str, Any]]) -> None:
    base, settings = case
    model = taught(base, **settings)
    together = model.predict(docs())
    assert_same([model.predict([doc])[0] for doc in docs()], together)
    one_by_one = make(base, batch_pieces=1, **settings).from_bytes(model.to_bytes())
    assert_same(one_by_one.predict(docs()), together)


def test_white_space_has_zeros_and_an_empty_text_has_nothing(bert: Path) -> None:
    states = ready(bert).predict(docs())
    assert states[1].shape == (0, WIDTH)
    assert not states[2].any() and states[0].any(axis=1).all()


def test_long_texts_are_read_to_their_end(case: tuple[Path, dict[str, Any]]) -> None:
    base, settings = case
    check_long_text(ready(base, **settings), 300)


def test_a_text_of_20_000_words_is_read_to_its_end(bert: Path) -> None:
    check_long_text(ready(bert), 7_000)


def check_long_text(model: Model, times: int) -> None:
    """Three words a time; the last one is seen."""
    doc = NLP.make_doc("Friday morning please " * times)
    (states,) = model.predict([doc])
    assert states.shape == (len(doc), WIDTH) and states.any(axis=1).all()
    one = NLP.make_doc("Friday morning please " * (times - 1) + "Friday morning Monday ")
    (other,) = model.predict([one])
    assert not np.allclose(other[-1], states[-1], atol=1e-4)
    np.testing.assert_allclose(other[:-100], states[:-100], atol=1e-5)


def single_windows(model: Model, doc: Doc) -> list[EncoderBatch]:
    encoder = shim(model).loaded
    read = EncoderInput([doc], TextTokenizer(encoder.tokenizer), encoder.options)
    return [read.batch(i, i + 1, 0) for i in range(len(read.sizes))]


def test_states_of_two_windows_are_averaged(bert: Path) -> None:
    (doc,) = docs(["May 5 May 5 May 5 May 5"])
    model, encoder = ready(bert, window=6, overlap=2), shim(ready(bert)).loaded
    windows = single_windows(model, doc)
    assert len(windows) > 1
    shares = np.zeros(len(doc))
    for window in windows:
        np.add.at(shares, window.token, window.share)
    np.testing.assert_allclose(shares, 1.0)
    expected = np.zeros((len(doc), WIDTH))
    for window in windows:
        with torch.inference_mode():
            (hidden,) = encoder.model.eval()(input_ids=torch.from_numpy(window.ids)).last_hidden_state
        np.add.at(expected, window.token, hidden[window.place].numpy() * window.share[:, None])
    np.testing.assert_allclose(model.predict([doc])[0], expected, atol=1e-5)


def test_an_unmasked_decoder_sees_what_follows(llama: Path) -> None:
    first, second = docs(["May 5 or Friday", "May 5 or noon"])
    for settings, same in (({}, True), ({"bidirectional": True}, False), ({"echo": True, "window": 20}, False)):
        model = ready(llama, **settings)
        states, others = model.predict([first, second])
        assert np.allclose(states[0], others[0], atol=1e-6) is same


def test_an_echo_is_the_second_time_that_a_window_is_read(llama: Path) -> None:
    model = ready(llama, echo=True)
    encoder = shim(model).loaded
    (doc,) = docs(["May 5 or Friday"])
    (once,), (twice,) = single_windows(ready(llama), doc), single_windows(model, doc)
    assert twice.ids.tolist() == [once.ids[0].tolist() * 2]
    with torch.inference_mode():
        (hidden,) = encoder.model.eval()(input_ids=torch.from_numpy(twice.ids)).last_hidden_state
    second = hidden[once.ids.shape[1] :].numpy()
    expected = np.zeros((len(doc), WIDTH))
    np.add.at(expected, once.token, second[once.place] * once.share[:, None])
    np.testing.assert_allclose(model.predict([doc])[0], expected, atol=1e-5)


def test_fewer_layers(llama: Path) -> None:
    model = ready(llama, layers=1, lora=None, frozen=True)
    assert len(shim(model).loaded.model.layers) == 1
    again = make(llama, layers=1, lora=None, frozen=True).from_bytes(model.to_bytes())
    assert_same(again.predict(docs()), model.predict(docs()))


# Training


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param("bert", {}, id="bert"),
        pytest.param("bert", {"lora": None}, id="bert-full"),
        pytest.param("llama", {"lora": None}, id="llama-full"),
        pytest.param("llama", {"bidirectional": True}, id="open-llama"),
        pytest.param("llama", {"lora": None, "bidirectional": [1]}, id="half-open-llama-full"),
    ],
)
def test_it_learns(kind: str, settings: dict[str, Any], request: pytest.FixtureRequest) -> None:
    """Gradient descent brings the states to others."""
    model, wanted, losses = ready(request.getfixturevalue(kind), **settings), docs(), []
    goal = [np.random.default_rng(len(doc)).normal(size=(len(doc), WIDTH)).astype("f") for doc in wanted]
    optimizer = Adam(0.02)
    for _ in range(8):
        states, backprop = model.begin_update(wanted)
        losses.append(sum(float(((one - other) ** 2).sum()) for one, other in zip(states, goal)))
        backprop([one - other for one, other in zip(states, goal)])
        model.finish_update(optimizer)
    assert losses[-1] < 0.9 * losses[0]


def test_the_gradient_is_that_of_torch(bert: Path) -> None:
    model = ready(bert, lora=None)
    (doc,) = docs(["Friday morning"])
    encoder = shim(model).loaded
    states, backprop = model.begin_update([doc])
    weights = np.arange(states[0].size, dtype="f").reshape(states[0].shape)
    backprop([weights])
    found = encoder.model.embeddings.word_embeddings.weight.grad.clone()
    encoder.model.zero_grad()
    (encoder.encode([doc], is_train=True) * torch.from_numpy(weights)).sum().backward()
    torch.testing.assert_close(found, encoder.model.embeddings.word_embeddings.weight.grad)


def test_a_frozen_base_gives_features_and_stays(bert: Path) -> None:
    model = ready(bert, lora=None, frozen=True)
    before = model.predict(docs())
    states, backprop = model.begin_update(docs())
    assert_same(states, before)
    backprop(states)
    model.finish_update(Adam(0.1))
    assert_same(model.predict(docs()), before, tolerance=0)


@pytest.mark.parametrize("lora", [LORA, None, {**LORA, "dropout": 0.5}], ids=["lora", "full", "lora-drops"])
@pytest.mark.parametrize("base_dropout", [True, False])
def test_dropout_is_on_in_training_alone(lora: Any, base_dropout: bool, bert: Path, tmp_path: Path) -> None:
    """That of the base if it is asked for, and that of the adapter."""
    base = shutil.copytree(bert, tmp_path / "bert")
    config = json.loads((base / "config.json").read_text(encoding="utf8"))
    config |= {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.5}
    (base / "config.json").write_text(json.dumps(config), encoding="utf8")
    # Taught before, as a new adapter adds nothing that could be left out.
    model = make(base, lora=lora, base_dropout=base_dropout).from_bytes(taught(base, lora=lora).to_bytes())
    drops = base_dropout or (lora is not None and lora["dropout"] > 0)
    for _ in range(2):
        before = model.predict(docs())
        states, _ = model.begin_update(docs())
        assert np.allclose(np.concatenate(states), np.concatenate(before), atol=1e-5) is not drops
        assert_same(model.predict(docs()), before)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_training_leaves_nothing_behind(lora: Any, bert: Path) -> None:
    """No step keeps the values of the one before, not even as another name for the same memory."""
    model, optimizer, found = ready(bert, lora=lora), Adam(0.01), []
    # What was there before is not looked through.
    gc.collect()
    gc.freeze()
    for _ in range(6):
        states, backprop = model.begin_update(docs())
        backprop([np.ones_like(one) for one in states])
        model.finish_update(optimizer)
        del states, backprop
        gc.collect()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append(sum(isinstance(one, torch.Tensor) for one in gc.get_objects()))
    gc.unfreeze()
    assert found[-1] == found[1]


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_early_layers_learn_slowly_if_told_so(lora: Any, bert: Path) -> None:
    """Half of the rate moves a weight half as far in a first step of Adam."""
    moved = []
    for decay in (1.0, 0.5):
        model = ready(bert, lora=lora, layer_decay=decay)
        before = {name: value.detach().clone() for name, value in shim(model).loaded.model.named_parameters()}
        states, backprop = model.begin_update(docs())
        backprop([np.ones_like(one) for one in states])
        model.finish_update(Adam(0.01, L2=0.0, grad_clip=0.0))
        after = dict(shim(model).loaded.model.named_parameters())
        moved.append({name: (after[name] - value).abs().max().item() for name, value in before.items()})
    same, slow = moved
    for layer, factor in enumerate((0.5, 1.0)):
        names = [name for name, much in same.items() if much and f"layer.{layer}." in name]
        assert names and all(slow[name] == pytest.approx(factor * same[name], rel=0.02) for name in names)


def test_no_head_is_left(bert: Path) -> None:
    names = [name for name, _ in shim(ready(bert)).loaded.model.named_modules()]
    assert not any("classifier" in name or "pooler" in name for name in names)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_less_memory_gives_the_same_gradient(lora: Any, llama: Path) -> None:
    found = []
    for checkpointing in (False, True):
        model = ready(llama, lora=lora, bidirectional=[1], gradient_checkpointing=checkpointing, batch_pieces=10)
        states, backprop = model.begin_update(docs())
        backprop([np.ones_like(one) for one in states])
        gradients = {name: value.grad for name, value in shim(model).loaded.model.named_parameters() if value.grad is not None}
        found.append(gradients)
    assert found[0] and found[0].keys() == found[1].keys()
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "full"])
def test_bf16_is_near_fp32(lora: Any, bert: Path) -> None:
    model = taught(bert, lora=lora)
    exact, rough = model.predict(docs()), make(bert, lora=lora, precision="bf16").from_bytes(model.to_bytes()).predict(docs())
    assert_same(rough, exact, tolerance=0.5)
    assert max(float(abs(one - other).mean()) for one, other in zip(rough, exact) if len(one)) < 0.1


# Storage


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        pytest.param("bert", {"lora": None, "frozen": True}, id="frozen"),
        pytest.param("llama", {}, id="llama"),
        pytest.param("llama", {"lora": None, "bidirectional": True}, id="open-llama-full"),
        pytest.param("llama", {"bidirectional": [1]}, id="half-open-llama"),
        pytest.param("llama", {"lora": None, "frozen": True, "bidirectional": [1]}, id="half-open-llama-frozen"),
    ],
)
def test_what_is_stored_is_what_was_trained(kind: str, settings: dict[str, Any], request: pytest.FixtureRequest) -> None:
    model = taught(request.getfixturevalue(kind), **settings)
    again = make("nowhere/to-be-found", **settings).from_bytes(model.to_bytes())
    assert_same(again.predict(docs()), model.predict(docs()), tolerance=1e-6)


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"pooling": "max"}, "Got pooling = 'max', allowed are first, last, mean", id="pooling"),
        pytest.param({"window": 0}, "Got window = 0", id="window"),
        pytest.param({"overlap": 40}, "overlap = 40", id="overlap"),
        pytest.param({"batch_pieces": 0}, "batch_pieces = 0", id="batch"),
        pytest.param({"frozen": True}, "Got frozen = true and an adapter", id="frozen-with-lora"),
        pytest.param({"layer_decay": 0.0}, "Got layer_decay = 0.0", id="decay"),
        pytest.param(
            {"base_dropout": False, "gradient_checkpointing": True}, "Got gradient_checkpointing = true and base", id="dropout"
        ),
        pytest.param({"layers": 0}, "Got layers = 0, allowed is 1 or more", id="layers"),
        pytest.param({"precision": "fp8"}, "Got the precision 'fp8'", id="precision"),
    ],
)
def test_settings_that_cannot_be_are_errors_before_anything_is_loaded(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make("no/such-base", **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"width": 64}, r"Got width = 64, but the states of .* have 32 values\. Set that width", id="width"),
        pytest.param({"window": 63}, r"Got window = 63, but the base reads 64 tokens.*at most 62", id="window"),
        pytest.param({"window": 40, "echo": True}, r"and each of a text twice\. Set a window of at most 31", id="echo"),
        pytest.param({"bidirectional": True}, "bidirectional = true for a BertModel", id="bidirectional"),
        pytest.param({"layers": 3}, "Got layers = 3, but it has 2", id="layers"),
        pytest.param({"lora": {"targets": ["q"]}}, "Cannot adapt the base", id="targets"),
    ],
)
def test_settings_that_do_not_fit_the_base_are_errors(settings: dict[str, Any], message: str, bert: Path) -> None:
    with pytest.raises(BaseModelError, match=message):
        ready(bert, **settings)


def test_an_encoder_decoder_is_an_error(bert: Path, tmp_path: Path) -> None:
    from transformers import T5Config, T5Model

    T5Model(T5Config(vocab_size=200, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)).save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    with pytest.raises(BaseModelError, match="T5Model is an encoder with a decoder, and only one of both is used"):
        ready(tmp_path, width=16)


def test_a_classifier_of_the_hub_loses_its_head(data: Path, tmp_path: Path) -> None:
    """The real tokenizer and shape of dslim/distilbert-NER, random weights."""
    import shutil

    from transformers import DistilBertConfig, DistilBertForTokenClassification

    shutil.copytree(data / "tokenizers" / "bert-cased-2000", tmp_path, dirs_exist_ok=True)
    config = DistilBertConfig(vocab_size=2000, dim=16, n_layers=2, n_heads=2, hidden_dim=16, num_labels=9)
    DistilBertForTokenClassification(config).save_pretrained(tmp_path)
    model = ready(tmp_path, width=16)
    assert type(shim(model).loaded.model.get_base_model()).__name__ == "DistilBertModel"
    assert model.predict(docs())[0].shape == (len(docs()[0]), 16)


def test_the_default_decoder_with_its_real_tokenizer(smol_folder: Path) -> None:
    import srsly

    config = srsly.read_json(smol_folder / "config.json")
    small = {"hidden_size": 18, "intermediate_size": 16, "num_hidden_layers": 2}
    srsly.write_json(smol_folder / "config.json", {**config, **small, "num_attention_heads": 9, "num_key_value_heads": 3})
    try:
        model = ready(smol_folder, width=18, bidirectional=True)
    finally:
        srsly.write_json(smol_folder / "config.json", config)
    assert [len(one) for one in model.predict(docs())] == [len(doc) for doc in docs()]
