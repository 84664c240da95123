from typing import Callable

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from spacy_slm_ner.evaluation.string_examples import StringExample, to_strings


def test_entities_become_strings_with_all_mentions(example: Callable[[str, str, str], Example]) -> None:
    eg = example("Ada Quill saw Ada", "B-N I-N O B-N", "O O O B-L")
    assert to_strings(eg) == StringExample("Ada Quill saw Ada ", [("Ada Quill", "N"), ("Ada", "N")], [("Ada", "L")])


def test_tokens_of_the_two_sides_may_differ(nlp: Language) -> None:
    gold = Doc(nlp.vocab, words=["at", "4pm"], spaces=[True, False], ents=["O", "B-T"])
    predicted = Doc(nlp.vocab, words=["at", "4", "pm"], spaces=[True, False, False], ents=["O", "B-T", "O"])
    assert to_strings(Example(predicted, gold)) == StringExample("at 4pm", [("4pm", "T")], [("4", "T")])


def test_a_text_without_entities_has_none_on_either_side(nlp: Language) -> None:
    assert to_strings(Example(nlp.make_doc(""), nlp.make_doc(""))) == StringExample("", [], [])
