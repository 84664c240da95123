"""`bio_ner`: training, policies, storage, errors."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Config, Model
from tiny_bert import make_bert
from typer.testing import CliRunner

from spacy_slm_ner.cli import app
from spacy_slm_ner.errors import LabelError
from spacy_slm_ner.pipeline.bio_ner import UNKNOWN, BioNer

ROOT = Path(__file__).parent.parent.parent
TEXTS = [
    ("Jo Lee comes on Friday", [(0, 6, "NAME"), (16, 22, "DATE")]),
    ("Is Ana in on Monday ?", [(3, 6, "NAME"), (13, 19, "DATE")]),
    ("Cancel it , please .", []),
    ("Friday Monday Ana Jo Lee", [(0, 6, "DATE"), (7, 13, "DATE"), (14, 17, "NAME"), (18, 24, "NAME")]),
]
BASE = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "width": 32,
    "depth": 2,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
}
TOK2VEC = {**BASE, "subword_features": True, "pretrained_vectors": None}


def gold(nlp: Language) -> list[Example]:
    examples = []
    for text, spans in TEXTS:
        doc = nlp.make_doc(text)
        doc.set_ents([doc.char_span(*span[:2], label=span[2]) for span in spans], default="outside")
        examples.append(Example(nlp.make_doc(text), doc))
    return examples


def make(**config: Any) -> Language:
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-slm-ner.BioTagger.v1", "nO": None, "tok2vec": TOK2VEC}
    nlp.add_pipe("bio_ner", config={"model": model, **config})
    return nlp


def train(nlp: Language, steps: int = 30) -> Language:
    fix_random_seed(0)
    examples = gold(nlp)
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.02
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


@pytest.fixture(scope="module")
def trained() -> Language:
    return train(make())


def component(nlp: Language) -> BioNer:
    found = nlp.get_pipe("bio_ner")
    assert isinstance(found, BioNer)
    return found


def plain(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def logits(rows: list[list[float]]) -> Model:
    """A model that gives these scores for every text."""
    return Model("fixed", lambda model, docs, is_train: ([np.array(rows[: len(doc)], dtype="f") for doc in docs], lambda d: []))


# Training and prediction


def test_overfitting(trained: Language) -> None:
    assert trained.evaluate(gold(trained))["ents_f"] == 1.0
    docs = list(trained.pipe(text for text, _ in TEXTS))
    assert plain(docs[3]) == [("Friday", "DATE"), ("Monday", "DATE"), ("Ana", "NAME"), ("Jo Lee", "NAME")]
    assert all(0.5 < ent._.score <= 1.0 for doc in docs for ent in doc.ents)


def test_with_a_transformer_and_a_listener(tmp_path: Path) -> None:
    """The shipped config on a tiny base, by `spacy train`; entities and intents by one forward pass."""
    from spacy.cli.train import train as spacy_train

    base = make_bert(tmp_path / "base", [text for text, _ in TEXTS])
    nlp = spacy.blank("en")
    docs = [eg.reference for eg in gold(nlp)]
    for number, doc in enumerate(docs):
        doc.cats = {"inquiry": float(number % 2), "cancel": float(1 - number % 2)}
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "train.spacy")
    overrides = {
        **{f"paths.{name}": str(tmp_path / "train.spacy") for name in ("train", "dev")},
        "paths.base": str(base),
        "system.gpu_allocator": None,
        "components.tok2vec.model.width": 32,
        "components.tok2vec.model.window": 32,
        "components.tok2vec.model.overlap": 8,
        "components.tok2vec.model.precision": "fp32",
        "components.tok2vec.model.lora": None,
        "training.max_steps": 60,
        "training.eval_frequency": 60,
        "training.optimizer.learn_rate.initial_rate": 0.01,
        "training.optimizer.learn_rate.warmup_steps": 5,
        "training.optimizer.learn_rate.total_steps": 60,
    }
    spacy_train(ROOT / "configs" / "lora.cfg", tmp_path / "model", overrides=overrides)
    trained = spacy.load(tmp_path / "model" / "model-last")
    scores = trained.evaluate([Example(trained.make_doc(doc.text), doc) for doc in docs])
    assert (scores["ents_f"], scores["cats_macro_f"]) == (1.0, 1.0)
    encoder: Any = trained.get_pipe("tok2vec").model.shims[0].loaded  # type: ignore[attr-defined]
    with patch.object(encoder, "encode", wraps=encoder.encode) as encode:
        found = list(trained.pipe(doc.text for doc in docs))
    assert encode.call_count == 1
    again = [trained(doc.text) for doc in docs]
    assert [plain(doc) for doc in found] == [plain(doc) for doc in again] == [plain(doc) for doc in docs]


def test_it_starts_from_the_frequencies_of_tags() -> None:
    """Before it has learned anything, the states of tokens say nothing, so a tag is as likely as it is frequent."""
    nlp = make()
    nlp.initialize(lambda: gold(nlp))
    found = component(nlp)
    output = found.model.get_ref("output_layer")
    tags = np.concatenate([found.gold_tags(eg) for eg in gold(nlp)])
    counts = np.bincount(tags, minlength=len(found.tags)) + 1
    np.testing.assert_allclose(np.exp(output.get_param("b")), counts / counts.sum(), rtol=1e-5)
    assert output.get_param("W").any()


def test_any_tagger_of_spacy_will_do() -> None:
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy.Tagger.v2", "nO": None, "normalize": False, "tok2vec": TOK2VEC}
    nlp.add_pipe("bio_ner", config={"model": model})
    assert train(nlp).evaluate(gold(nlp))["ents_f"] == 1.0


def test_texts_without_tokens(trained: Language) -> None:
    assert [plain(doc) for doc in trained.pipe(["", " ", ""])] == [[], [], []]
    assert plain(trained("")) == []
    component(trained).update([Example(trained.make_doc(""), trained.make_doc(""))])


def test_white_space_is_left_out_of_entities() -> None:
    nlp = make(labels=["X"])
    component(nlp).model = logits([[0, 9, 0], [0, 0, 9], [0, 0, 9], [0, 9, 0]])
    assert plain(nlp("a b  c")) == [("a b", "X"), ("c", "X")]


def test_tokens_without_annotation_are_not_learned(trained: Language) -> None:
    doc = trained.make_doc("Jo Lee comes on Friday")
    reference = trained.make_doc(doc.text)
    reference.set_ents([Span(reference, 0, 2, label="NAME")], missing=[reference[2:5]])
    eg = Example(doc, reference)
    assert component(trained).gold_tags(eg).tolist() == [3, 4, *[UNKNOWN] * 3]
    even = [np.full((5, 5), 0.2, dtype="f")]
    _, (gradient,) = component(trained).get_loss([eg], even)
    assert gradient[:2].any(axis=1).all() and not gradient[2:].any()


def test_gold_entities_that_cut_tokens_are_unclear_not_outside(trained: Language) -> None:
    doc = trained.make_doc("Come at 4pm-ish now")
    reference = Doc(trained.vocab, words=["Come", "at", "4pm", "-", "ish", "now"], spaces=[True, True, False, False, True, True])
    reference.set_ents([Span(reference, 2, 3, label="DATE")], default="outside")
    predicted = Doc(trained.vocab, words=["Come", "at", "4pm-ish", "now"], spaces=[True] * 3 + [False])
    assert doc.text == predicted.text
    assert component(trained).gold_tags(Example(predicted, reference)).tolist() == [0, 0, UNKNOWN, 0]


def test_the_loss_is_the_weighted_cross_entropy() -> None:
    """Against torch, with class weights and label smoothing."""
    import torch

    nlp = make(labels=["NAME", "DATE"], class_weights={"O": 0.5, "DATE": 2.0}, label_smoothing=0.1)
    (eg, *_) = gold(nlp)
    scores = torch.randn(5, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    tags = torch.tensor(component(nlp).gold_tags(eg))
    assert tags.tolist() == [1, 2, 0, 0, 3]
    target = torch.full((5, 5), 0.1 / 4).scatter(1, tags[:, None], 0.9)
    weights = torch.tensor([0.5, 1.0, 1.0, 2.0, 2.0])[tags]
    expected = (-(target * scores.log_softmax(1)).sum(1) * weights).sum()
    expected.backward()
    loss, (gradient,) = component(nlp).get_loss([eg], [scores.detach().softmax(1).numpy()])
    assert loss == pytest.approx(expected.item(), abs=1e-5)
    np.testing.assert_allclose(gradient, scores.grad, atol=1e-6)


def test_a_text_counts_as_much_in_any_batch() -> None:
    """As those of `ner` and `textcat`, which may share an encoder with it."""
    nlp = make(labels=["NAME", "DATE"])
    examples = gold(nlp)
    scores = [np.full((len(eg.predicted), 5), 0.2, dtype="f") for eg in examples]
    together, gradients = component(nlp).get_loss(examples, scores)
    alone = [component(nlp).get_loss([eg], [one]) for eg, one in zip(examples, scores)]
    assert together == pytest.approx(sum(loss for loss, _ in alone))
    for gradient, (_, [expected]) in zip(gradients, alone):
        np.testing.assert_allclose(gradient, expected)


# What is shared with the generator: policies, calibration, storage


def test_spans_with_scores() -> None:
    nlp = train(make(annotate="both", spans_key="found"))
    doc = nlp(TEXTS[0][0])
    assert [(span.text, span.label_) for span in doc.spans["found"]] == plain(doc) != []
    assert doc.spans["found"].attrs["scores"] == [ent._.score for ent in doc.ents]


def test_a_threshold_leaves_out_what_is_unsure() -> None:
    rows = [[0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.5, 0.0]]
    for threshold, expected in ((0.0, ["a", "c"]), (0.9, ["a"])):
        nlp = make(labels=["X"], threshold=threshold)
        component(nlp).model = logits(rows)
        assert [ent.text for ent in nlp("a b c").ents] == expected


def test_entities_of_others_stay_where_the_policy_says_so(trained: Language) -> None:
    nlp = train(make(overwrite="keep"))
    nlp.add_pipe("entity_ruler", before="bio_ner").add_patterns([{"label": "ORG", "pattern": "Jo"}])  # type: ignore[attr-defined]
    assert plain(nlp(TEXTS[0][0])) == [("Jo", "ORG"), ("Friday", "DATE")]


def test_calibration_changes_scores_alone(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path / "model")
    DocBin(docs=[eg.reference for eg in gold(trained)]).to_disk(tmp_path / "dev.spacy")
    arguments = ["calibrate", str(tmp_path / "model"), str(tmp_path / "dev.spacy"), str(tmp_path / "calibrated")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    nlp = spacy.load(tmp_path / "calibrated")
    assert component(nlp).temperature != 1.0
    one, other = nlp(TEXTS[0][0]), trained(TEXTS[0][0])
    assert plain(one) == plain(other)
    assert [ent._.score for ent in one.ents] != [ent._.score for ent in other.ents]


def test_stored_and_loaded(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path)
    for nlp in (spacy.load(tmp_path), make().from_bytes(trained.to_bytes())):
        docs, expected = list(nlp.pipe(text for text, _ in TEXTS)), [trained(text) for text, _ in TEXTS]
        assert [plain(doc) for doc in docs] == [plain(doc) for doc in expected]
        assert [ent._.score for doc in docs for ent in doc.ents] == pytest.approx(
            [ent._.score for doc in expected for ent in doc.ents]
        )


def test_several_processes(trained: Language) -> None:
    texts = [text for text, _ in TEXTS]
    assert [plain(doc) for doc in trained.pipe(texts, n_process=2, batch_size=2)] == [plain(trained(text)) for text in texts]


def test_labels_can_be_given_before_training() -> None:
    nlp = make(labels=["TIME"])
    component(nlp).add_label("PLACE")
    train(nlp, steps=1)
    assert component(nlp).label_data == ["TIME", "PLACE", "DATE", "NAME"]
    other = make()
    examples = gold(other)
    other.config["initialize"]["components"]["bio_ner"] = {"labels": component(nlp).label_data}
    other.initialize(lambda: examples)
    assert component(other).labels == component(nlp).labels


# Errors


@pytest.mark.parametrize(
    "labels",
    [["person/actor", "art-broadcast/program"], ["JOB TITLE", "a, b"], ["<A>", "[A]", "A:B", "A\\B"], ["日付"], ["Date", "DATE"]],
    ids=str,
)
def test_labels_may_have_any_name_on_one_line(labels: list[str]) -> None:
    nlp = make()
    reference = nlp.make_doc(" ".join("word" for _ in labels))
    reference.set_ents([Span(reference, i, i + 1, label) for i, label in enumerate(labels)], default="outside")
    nlp.initialize(lambda: [Example(nlp.make_doc(reference.text), reference)])
    assert component(nlp).labels == tuple(sorted(labels))
    tags = [component(nlp).tags[tag] for tag in component(nlp).gold_tags(Example(nlp.make_doc(reference.text), reference))]
    assert tags == [f"B-{label}" for label in labels]


@pytest.mark.parametrize("label", ["", "A\nB", "A ", 7], ids=repr)
def test_labels_that_are_no_names_are_refused(label: Any) -> None:
    with pytest.raises(LabelError, match=r"among the labels\. Allowed is text on one line"):
        component(make()).add_label(label)


def test_a_new_label_after_training_is_an_error(trained: Language) -> None:
    assert component(trained).add_label("DATE") == 0
    with pytest.raises(LabelError, match=r"Got the new label 'TIME'.*Add labels before `nlp\.initialize`"):
        component(trained).add_label("TIME")


def test_no_labels_is_an_error() -> None:
    nlp = make()
    doc = nlp.make_doc("Nothing here")
    doc.set_ents([], default="outside")
    with pytest.raises(LabelError, match="The component 'bio_ner' has no labels"):
        nlp.initialize(lambda: [Example(nlp.make_doc(doc.text), doc)])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param({"label_smoothing": 1.0}, "Got label_smoothing = 1.0", id="smoothing"),
        pytest.param({"class_weights": {"O": -1.0}}, r"Got the class weights \{'O': -1.0\}", id="weights"),
        pytest.param({"annotate": "tags"}, "Got annotate = 'tags'", id="annotate"),
        pytest.param({"threshold": 2.0}, "Got threshold = 2.0", id="threshold"),
    ],
)
def test_settings_that_cannot_be_are_errors(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**config)


def test_a_class_weight_for_no_label_is_an_error() -> None:
    with pytest.raises(LabelError, match=r"Got class weights for \['PLACE'\], which are none of O, DATE, NAME"):
        train(make(class_weights={"PLACE": 2.0}), steps=1)


def test_the_default_config_is_complete() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("bio_ner")
    model = Config().from_str(nlp.config.to_str())["components"]["bio_ner"]["model"]
    assert model["@architectures"] == "spacy-slm-ner.BioTagger.v1"
    assert nlp.analyze_pipes()["problems"]["bio_ner"] == []
