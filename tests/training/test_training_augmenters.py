"""Texts with the entities of others."""

import random
from typing import Any

import pytest
from spacy.language import Language
from spacy.training import Example

from spacy_slm_ner.training.augmenters import create_swap_entities, swap_entities

ENTS = [
    ("Anna comes on Friday.", [(0, 4, "NAME"), (14, 20, "DATE")]),
    ("Ask Jo Lee or Ana today", [(4, 10, "NAME"), (14, 17, "NAME")]),
]


def example(nlp: Language, text: str, ents: list[tuple[int, int, str]]) -> Example:
    doc = nlp.make_doc(text)
    doc.set_ents([doc.char_span(start, end, label=label) for start, end, label in ents], default="outside")
    doc.cats = {"inquiry": 1.0, "cancel": 0.0}
    return Example(nlp.make_doc(text), doc)


def found(doc: Any) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_entities_are_put_in_the_place_of_others(nlp: Language) -> None:
    doc = example(nlp, *ENTS[0]).reference
    made = swap_entities(nlp, doc, {"NAME": ["Jo Lee"], "DATE": ["next May"]}, share=1.0)
    assert made is not None
    assert made.text == "Jo Lee comes on next May."
    assert found(made) == [("Jo Lee", "NAME"), ("next May", "DATE")]
    assert made.cats == doc.cats and made.has_annotation("ENT_IOB", require_complete=True)


def test_an_entity_that_does_not_fit_the_tokens_makes_no_text(nlp: Language) -> None:
    doc = example(nlp, "at 5pm", [(3, 4, "TIME")]).reference
    assert swap_entities(nlp, doc, {"TIME": ["noon"]}, share=1.0) is None


def test_nothing_swapped_is_no_text(nlp: Language) -> None:
    doc = example(nlp, *ENTS[0]).reference
    assert swap_entities(nlp, doc, {}, share=1.0) is None
    assert swap_entities(nlp, doc, {"NAME": ["Jo"]}, share=0.0) is None


def test_the_corpus_grows_from_its_own_entities(nlp: Language) -> None:
    random.seed(0)
    augment = create_swap_entities(level=1.0, share=1.0)
    examples = [example(nlp, *one) for one in ENTS]
    first = [list(augment(nlp, eg)) for eg in examples]
    assert [len(made) for made in first] == [1, 2] and first[0][0] is examples[0]
    assert first[1][1].reference.text == "Ask Anna or Anna today"
    later = [made for _ in range(20) for eg in examples for made in augment(nlp, eg)]
    names = {text for eg in later for text, label in found(eg.reference) if label == "NAME"}
    assert names == {"Anna", "Jo Lee", "Ana"}
    assert all(eg.predicted.text == eg.reference.text for eg in later)


def test_level_zero_changes_nothing(nlp: Language) -> None:
    augment = create_swap_entities(level=0.0)
    assert [len(list(augment(nlp, example(nlp, *ENTS[0])))) for _ in range(5)] == [1] * 5


@pytest.mark.parametrize("settings", [{"level": -0.1}, {"level": 1.0, "share": 2.0}])
def test_shares_outside_of_0_to_1_are_errors(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"allowed is 0\.0 to 1\.0"):
        create_swap_entities(**settings)
