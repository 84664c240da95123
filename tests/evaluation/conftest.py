from typing import Callable

import pytest
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example


@pytest.fixture(scope="session")
def example(nlp: Language) -> Callable[[str, str, str], Example]:
    """Makes an Example from words, their gold IOB2 tags and their predicted ones."""

    def make(words: str, gold: str, predicted: str) -> Example:
        reference, answer = (Doc(nlp.vocab, words=words.split(), ents=tags.split()) for tags in (gold, predicted))
        return Example(answer, reference)

    return make
