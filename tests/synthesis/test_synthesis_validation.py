"""Which mended records are taken."""

from random import Random
from typing import Callable

import pytest
import spacy

from spacy_slm_ner.synthesis.quotas import Quotas
from spacy_slm_ner.synthesis.spec import Spec
from spacy_slm_ner.synthesis.validation import Accepted, RecordValidator


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        pytest.param("서울에서 김민수가 왔다", ["김민수"], ["김민수가"], id="korean"),
        pytest.param("Ankarada Ayşenin evi var", ["Ayşe"], ["Ayşenin"], id="turkish"),
        pytest.param("Tapaan Helsingissä Liisan huomenna", ["Liisa"], ["Liisan"], id="finnish"),
    ],
)
def test_a_word_that_others_are_glued_to_costs_no_further_request(
    text: str, words: list[str], expected: list[str], make_spec: Callable[..., Spec]
) -> None:
    spec = make_spec(intents={}, intent_weights={})
    record = {"text": text, "labels": [{"word": word, "label": "B-NAME"} for word in words]}
    verdict = RecordValidator(spec, spacy.blank("xx")).validate(record, Quotas(spec).next_request(Random(0)))
    assert isinstance(verdict, Accepted)
    assert [entry.word for entry in verdict.record.labels] == expected
    assert {problem.kind for problem in verdict.repairs} == {"inside_word", "token_cut"}
