"""The pipelines that the project's configs make, on texts that are hardly any."""

from pathlib import Path
from typing import Callable

import pytest
from spacy.language import Language

TEXT = "Ada Quill comes on Friday"
ODD = ["", " ", "\n\n", "\t \r\n", "\u200b", "\ufeff", "\x00"]
TRF = pytest.param("trf", marks=pytest.mark.trf)
CONFIGS = pytest.mark.parametrize("config", ["tok2vec", TRF, "lora", "slm"])


@CONFIGS
def test_a_text_that_is_hardly_any_ends_no_batch(
    config: str, make_corpus: Callable[..., Path], ready: Callable[[str, Path], Language]
) -> None:
    nlp = ready(config, make_corpus({"hire": 1.0, "fire": 0.0}, {"hire": 0.0, "fire": 1.0}))
    texts = [TEXT, *ODD, TEXT, "", ""]
    docs = list(nlp.pipe(texts))
    assert [doc.text for doc in docs] == texts
    assert all(list(doc.ents) == [] for doc in docs if not doc.text.strip())
    for batch in (ODD, [""], ["", ""], [" ", ""], [*ODD[::-1], TEXT]):
        assert [doc.text for doc in nlp.pipe(batch)] == batch
    assert list(nlp.pipe([])) == []
