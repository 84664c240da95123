import pytest
import spacy
from spacy.tokens import Doc

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.formats.trailing_tags import TrailingTags
from spacy_slm_ner.types import Span

FORM = TrailingTags(["TIME", "NAME"])


def make(text: str, *ents: tuple[int, int, str]) -> Doc:
    doc = spacy.blank("en")(text)
    doc.ents = [doc.char_span(doc[start].idx, doc[end - 1].idx + len(doc[end - 1]), label) for start, end, label in ents]
    return doc


def test_the_first_word_gets_the_label_and_others_a_mark() -> None:
    assert FORM.target(make("Come at 6 pm, Ada", (2, 4, "TIME"), (5, 6, "NAME"))) == "Come at 6<TIME> pm>, Ada<NAME>"


def test_neighbours_stay_apart() -> None:
    doc = make("Ada Bo 6", (0, 1, "NAME"), (1, 2, "NAME"), (2, 3, "TIME"))
    assert FORM.target(doc) == "Ada<NAME> Bo<NAME> 6<TIME>"
    assert FORM.parse(FORM.target(doc), doc).spans == [Span(0, 1, "NAME"), Span(1, 2, "NAME"), Span(2, 3, "TIME")]


def test_white_space_is_a_word_only_inside_an_entity() -> None:
    doc = make("Hi\n\nAda\nQuill", (2, 5, "NAME"))
    assert [token.text for token in doc] == ["Hi", "\n\n", "Ada", "\n", "Quill"]
    assert FORM.target(doc) == "Hi Ada<NAME>\\u000a> Quill>"
    assert FORM.parse(FORM.target(doc), doc).spans == [Span(2, 5, "NAME")]


def test_marks_of_the_text_are_no_tags() -> None:
    doc = make("6 > 5 <TIME>", (0, 1, "TIME"))
    assert FORM.target(doc) == "6<TIME> \\> 5 \\<TIME\\>"
    assert FORM.parse(FORM.target(doc), doc).spans == [Span(0, 1, "TIME")]


def test_a_word_outside_is_decided_on_without_being_written() -> None:
    doc = make("Ada at 6", (0, 1, "NAME"))
    grammar = FORM.constraint(doc)
    (word,) = grammar.edges(grammar.start)
    assert [edge.chosen for edge in grammar.edges(word.target)] == ["<TIME>", "<NAME>", "|"]
    path = find_path(grammar, FORM.target(doc)) or []
    assert [edge.text for edge in path] == ["Ada", "<NAME>", " at", "", " 6", ""]
    (following,) = grammar.edges(path[3].target)
    assert following.text == " 6"


@pytest.mark.parametrize(
    "answer, spans, problems",
    [
        ("Come at 6<TIME> pm>", [Span(2, 4, "TIME")], 0),
        ("Come  at 6<TIME>  pm", [Span(2, 3, "TIME")], 0),
        # A free answer: left out, another case of the label, a word that is not there, a label that is not known.
        ("6<time> pm>", [Span(2, 4, "TIME")], 1),
        ("7<TIME> pm", [], 2),
        ("Come at 6<PLACE> pm>", [], 2),
        ("Come> at 6<TIME> pm>", [Span(2, 4, "TIME")], 1),
        ("", [], 0),
    ],
)
def test_answers_of_any_kind_are_read(answer: str, spans: list[Span], problems: int) -> None:
    parsed = FORM.parse(answer, make("Come at 6 pm"))
    assert parsed.spans == spans and len(parsed.problems) == problems


def test_the_range_of_an_entity_begins_with_its_first_decision() -> None:
    (found,) = FORM.parse("Come at 6<TIME> pm>", make("Come at 6 pm")).found
    assert "Come at 6<TIME> pm>"[found.start : found.end] == "<TIME> pm>"
