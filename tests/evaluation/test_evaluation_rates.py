from typing import Any, Optional

import pytest
from spacy.language import Language
from spacy.tokens import Doc

from spacy_slm_ner.evaluation.rates import Rates, measure_rates

UNKNOWN = Rates(*[None] * 6)


def kept(nlp: Language, *data: Optional[dict[str, Any]], text: str = "Ada", name: str = "finder") -> list[Doc]:
    """Make one Doc for each piece of data that a component keeps with it."""
    docs = [nlp.make_doc(text) for _ in data]
    for doc, one in zip(docs, data):
        if one is not None:
            doc.user_data[name] = one
    return docs


def counts(**numbers: int) -> dict[str, dict[str, int]]:
    return {"counts": numbers}


def test_rates_computed_by_hand(nlp: Language) -> None:
    docs = kept(
        nlp,
        counts(queries=3, unparsable=1, entities=4, hallucinated=1, copied=1, conflicts=2),
        counts(queries=1, unparsable=0, entities=0, hallucinated=0, copied=0, conflicts=0),
        counts(queries=4, unparsable=1, entities=6, hallucinated=2, copied=0, conflicts=0) | {"problems": ["a", "b"]},
        counts(queries=0, unparsable=0, entities=0, hallucinated=0, copied=0, conflicts=0) | {"problems": []},
    )
    assert measure_rates(docs, ["finder"]) == Rates(3 / 10, 1 / 10, 2 / 10, 2 / 8, 1 / 4, 8 / 4)


def test_nothing_is_known_of_a_pipeline_without_such_a_component(nlp: Language) -> None:
    assert measure_rates(kept(nlp, {"problems": ["a"]}, counts(queries=1)), []) == UNKNOWN


def test_a_component_that_keeps_problems_alone_tells_which_texts_have_any(nlp: Language) -> None:
    assert measure_rates(kept(nlp, {"problems": ["a"]}, None, None, None), ["finder"]) == UNKNOWN._replace(unusable=1 / 4)


def test_requests_that_are_kept_are_counted(nlp: Language) -> None:
    docs = kept(nlp, {"io": [{}, {}]}, {"io": [{}]})
    assert measure_rates(docs, ["finder"]) == UNKNOWN._replace(unusable=0.0, queries_per_text=1.5)


def test_a_number_that_one_text_lacks_is_not_known(nlp: Language) -> None:
    docs = kept(nlp, counts(queries=2, entities=4, hallucinated=1), counts(queries=2, entities=4))
    assert measure_rates(docs, ["finder"]) == UNKNOWN._replace(unusable=0.0, queries_per_text=2.0)


@pytest.mark.parametrize("text", ["", " \n"], ids=["empty", "white-space"])
def test_nothing_is_asked_about_a_blank_text(nlp: Language, text: str) -> None:
    docs = [*kept(nlp, {"io": [{}]}), *kept(nlp, None, text=text)]
    assert measure_rates(docs, ["finder"]).queries_per_text == 0.5


def test_a_share_of_nothing_is_not_known(nlp: Language) -> None:
    docs = kept(nlp, counts(queries=0, unparsable=0, entities=0, hallucinated=0, copied=0, conflicts=0))
    assert measure_rates(docs, ["finder"]) == UNKNOWN._replace(unusable=0.0, queries_per_text=0.0)


def test_numbers_of_several_components_are_added(nlp: Language) -> None:
    (doc,) = kept(nlp, counts(queries=1))
    doc.user_data["other"] = counts(queries=2) | {"problems": ["a"]}
    assert measure_rates([doc], ["finder", "other"]) == UNKNOWN._replace(unusable=1.0, queries_per_text=3.0)
    assert measure_rates([doc], ["finder", "third"]) == UNKNOWN._replace(unusable=0.0)


def test_no_text_has_no_rates(nlp: Language) -> None:
    assert measure_rates([], ["finder"]) == UNKNOWN
