from typing import Any, Callable

import numpy as np
import pytest
from spacy.language import Language

from spacy_slm_ner.labelling.labelling import read_labelling
from spacy_slm_ner.pipeline.annotate import add_score_extension


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.123456, 0.1235),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (None, None),
        (float("nan"), None),
        (1.5, None),
        (-0.1, None),
        (True, None),
        ("0.5", None),
    ],
)
def test_only_a_number_from_0_to_1_is_a_score(make_ruler: Callable[..., Language], score: Any, expected: float | None) -> None:
    add_score_extension()
    doc = make_ruler(NAME="Ada")("Ada")
    doc.ents[0]._.score = score
    assert [one.score for one in read_labelling(doc, ()).entities] == [expected]


def test_problems_that_cost_nothing_are_remarks(make_ruler: Callable[..., Language]) -> None:
    doc = make_ruler(NAME="Ada")("Ada")
    doc.cats = {"hire": 0.2, "fire": 0.8}
    doc.user_data["slm_ner"] = {
        "problems": ["markdown fence: '```'", "not in the text: 'Bo'", "inexact: 'ada'", "no answer: down"]
    }
    found = read_labelling(doc, ["entity_ruler", "slm_ner"])
    assert found.problems == ("not in the text: 'Bo'", "no answer: down")
    assert found.remarks == ("markdown fence: '```'", "inexact: 'ada'")
    assert found.intent == "fire"
