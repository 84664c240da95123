"""Pipelines in memory zones: what they keep from one batch to the next outlives the zone."""

from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from spacy.language import Language

from spacy_slm_ner.batch.settings import BatchSettings
from spacy_slm_ner.batch.shard_annotator import ShardAnnotator
from spacy_slm_ner.labelling.labelling import read_labelling

TEXTS = [f"Ada Quill comes on Friday with {word * 2}{n}." for n in range(4) for word in ("zoq", "Bim", "😀", "e\u0301x")]


@pytest.mark.parametrize("config", ["tok2vec", "lora", "slm"])
def test_batches_in_zones_find_what_they_find_outside(
    config: str, ready: Callable[[str, Path], Language], make_corpus: Callable[..., Path], make_documents: Callable
) -> None:
    nlp = ready(config, make_corpus({"yes": 1.0, "no": 0.0}, {"yes": 0.0, "no": 1.0}))
    annotator = ShardAnnotator(nlp, BatchSettings(batch_size=4))
    inside = [annotator.annotate(make_documents(TEXTS))[0] for _ in range(3)]
    outside: list[Any] = []
    for start in range(0, len(TEXTS), 4):
        outside += [read_labelling(doc, nlp.pipe_names) for doc in nlp.pipe(TEXTS[start : start + 4])]
    expected = [[(span.start, span.end, span.label) for span, _ in one.entities] for one in outside]
    for rows in inside:
        assert [[(one["start"], one["end"], one["label"]) for one in row["entities"]] for row in rows] == expected
        assert [row["intent"] for row in rows] == [one.intent for one in outside]


def test_new_words_are_forgotten(ruler: str, make_documents: Callable) -> None:
    nlp = spacy.load(ruler)
    annotator = ShardAnnotator(nlp, BatchSettings(batch_size=5))
    annotator.annotate(make_documents(TEXTS))
    before = len(nlp.vocab.strings)
    annotator.annotate(make_documents([f"Bo met {n:x}qx{n} and {n}zz." for n in range(500)]))
    # But for the few that are common: Bo, met and and.
    assert len(nlp.vocab.strings) <= before + 3


def test_the_limit_of_the_pipeline_holds_whatever_is_asked_for(ruler: str, make_documents: Callable) -> None:
    annotator = ShardAnnotator(spacy.load(ruler), BatchSettings(max_length=10**9, long="error"))
    found, _ = annotator.annotate(make_documents(["Bo " * 3_333_334, "Bo"]))
    assert found[0]["reason"] == "the text has 10,000,002 characters, allowed are 1,000,000; take --long window"
    assert [one["text"] for one in found[1]["entities"]] == ["Bo"]
