"""A text classifier that takes empty texts."""

from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

POOLINGS = ("first", "last", "max", "mean")
TEXTS = ["Come on Friday", "No", "Ada is ill, sorry"]
EMPTY = ["", "Come", "", " \n "]


def make(architecture: str, *poolings: str) -> tuple[Language, Any]:
    """A classifier of two classes. RETURNS: It, and the optimizer."""
    nlp = spacy.blank("en")
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1, "embed_size": 50, "window_size": 1,
        "maxout_pieces": 2, "subword_features": True, "pretrained_vectors": None}  # fmt: skip
    model = {"@architectures": architecture, "exclusive_classes": True, "nO": None, "tok2vec": tok2vec}
    model |= {f"use_reduce_{pooling}": pooling in poolings for pooling in POOLINGS}
    nlp.add_pipe("textcat", config={"model": model})
    spacy.util.fix_random_seed(0)
    return nlp, nlp.initialize(lambda: examples(nlp, TEXTS))


def examples(nlp: Language, texts: list[str]) -> list[Example]:
    cats = [{"a": float(i % 2), "b": 1.0 - i % 2} for i in range(len(texts))]
    return [Example.from_dict(nlp.make_doc(text), {"cats": one}) for text, one in zip(texts, cats)]


def scores(nlp: Language, texts: list[str]) -> list[list[float]]:
    return [[doc.cats["a"], doc.cats["b"]] for doc in nlp.pipe(texts)]


@pytest.mark.parametrize("poolings", [*((one,) for one in POOLINGS), ("first", "mean"), POOLINGS], ids="-".join)
def test_empty_texts_have_no_class_and_change_no_other(poolings: tuple[str, ...]) -> None:
    nlp, optimizer = make("spacy-slm-ner.TextCatReduce.v1", *poolings)
    nlp.update(examples(nlp, [*TEXTS, *EMPTY]), sgd=optimizer)
    alone = [scores(nlp, [text])[0] for text in [*TEXTS, *EMPTY]]
    np.testing.assert_allclose(scores(nlp, [*TEXTS, *EMPTY]), alone, atol=1e-6)
    assert scores(nlp, ["", "Come", ""])[::2] == scores(nlp, ["", ""]) == [[0.0, 0.0], [0.0, 0.0]]
    assert list(nlp.pipe([])) == []


def test_texts_are_classified_as_by_spacy() -> None:
    (ours, optimizer), (stock, other) = (make(f"{name}.TextCatReduce.v1", "first", "mean") for name in ("spacy-slm-ner", "spacy"))
    for nlp, own in ((ours, optimizer), (stock, other)):
        spacy.util.fix_random_seed(1)
        for _ in range(3):
            nlp.update(examples(nlp, TEXTS), sgd=own)
    np.testing.assert_allclose(scores(ours, TEXTS), scores(stock, TEXTS), atol=1e-6)


def test_it_comes_back_as_it_was(tmp_path: Any) -> None:
    nlp, _ = make("spacy-slm-ner.TextCatReduce.v1", "first")
    nlp.to_disk(tmp_path)
    assert scores(spacy.load(tmp_path), [*TEXTS, *EMPTY]) == scores(nlp, [*TEXTS, *EMPTY])
