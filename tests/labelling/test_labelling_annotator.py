"""A component that fails costs the texts it fails on, and no other."""

from typing import Any, Callable, Iterable, Iterator

import pytest
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.errors import EndpointError
from spacy_slm_ner.labelling.annotator import Annotator
from spacy_slm_ner.labelling.labelling import Labelling


class Fragile:
    """Fails on a batch with a bad text as a whole, as components of spaCy that learn do; loses some texts without a word."""

    def __init__(self) -> None:
        self.handle: Any = None

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def set_error_handler(self, handler: Callable) -> None:
        self.handle = handler

    def pipe(self, stream: Iterable[Doc], batch_size: int) -> Iterator[Doc]:
        docs = list(stream)
        if any("down" in doc.text for doc in docs):
            self.handle("fragile", self, docs, EndpointError("down", "down"))
        elif any("bad" in doc.text for doc in docs):
            self.handle("fragile", self, docs, KeyError("bad"))
        else:
            yield from (doc for doc in docs if "lost" not in doc.text)


@pytest.fixture
def annotator(make_ruler: Callable[..., Language]) -> Annotator:
    nlp = make_ruler(NAME="Ada")
    Language.factory("fragile_of_tests", func=lambda nlp, name: Fragile())
    nlp.add_pipe("fragile_of_tests")
    return Annotator(nlp)


def test_each_text_has_a_result(annotator: Annotator) -> None:
    found: dict[int, Labelling] = {}
    annotator.label(["Ada", "bad Ada", "Ada", "lost"], found)
    assert [len(found[number].entities) for number in range(4)] == [1, 0, 1, 0]
    assert [found[number].problems for number in range(4)] == [
        (),
        ("fragile: KeyError: 'bad'",),
        (),
        ("the pipeline gave nothing back",),
    ]


@pytest.mark.parametrize("texts", [[], ["bad"], ["bad", "bad"]])
def test_bad_texts_alone(annotator: Annotator, texts: list[str]) -> None:
    found: dict[int, Labelling] = {}
    annotator.label(texts, found)
    assert [found[number].problems for number in sorted(found)] == [("fragile: KeyError: 'bad'",)] * len(texts)


def test_an_endpoint_that_is_down_is_an_error(annotator: Annotator) -> None:
    with pytest.raises(EndpointError):
        annotator.label(["Ada", "down"], {})


def test_a_tokenizer_may_fail(annotator: Annotator, monkeypatch: pytest.MonkeyPatch) -> None:
    make_doc = annotator.nlp.make_doc

    def failing(text: str) -> Doc:
        if text == "odd":
            raise OSError("no dictionary")
        return make_doc(text)

    monkeypatch.setattr(annotator.nlp, "make_doc", failing)
    found: dict[int, Labelling] = {}
    annotator.label(["Ada", "odd"], found)
    assert len(found[0].entities) == 1
    assert found[1].problems == ("tokenizer: OSError: no dictionary",)
