import spacy
from spacy.tokens import Doc

from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.types import Span

FORM = TokenLines(["TIME", "NAME"])


def make(text: str, *ents: tuple[int, int, str]) -> Doc:
    doc = spacy.blank("en")(text)
    doc.ents = [doc.char_span(doc[start].idx, doc[end - 1].idx + len(doc[end - 1]), label) for start, end, label in ents]
    return doc


def test_every_token_has_a_line() -> None:
    assert FORM.target(make("Come at 6 pm", (2, 4, "TIME"))) == "Come: O\nat: O\n6: B-TIME\npm: I-TIME\n"


def test_white_space_has_a_line_only_inside_an_entity() -> None:
    doc = make("Hi\n\nAda\nQuill", (2, 5, "NAME"))
    assert [token.text for token in doc] == ["Hi", "\n\n", "Ada", "\n", "Quill"]
    assert FORM.target(doc) == "Hi: O\nAda: B-NAME\n\\u000a: I-NAME\nQuill: I-NAME\n"


def test_a_repeated_word_needs_no_count() -> None:
    doc = make("4 or 4", (2, 3, "TIME"))
    assert FORM.target(doc) == "4: O\nor: O\n4: B-TIME\n"
    assert FORM.parse(FORM.target(doc), doc).spans == [Span(2, 3, "TIME")]


def test_the_constraint_offers_the_next_token_only() -> None:
    grammar = FORM.constraint(make("Ada at 6", (0, 1, "NAME")))
    (word,) = grammar.edges(grammar.start)
    assert word.text == "Ada"
    assert [edge.text for edge in grammar.edges(word.target)] == [": O\n", ": B-TIME\n", ": B-NAME\n"]


def test_outside_lines_are_read_by_bio_lines_too() -> None:
    doc = make("Ada at 6")
    parsed = BioLines(["TIME"]).parse("Ada: O\nat: O\n6: B-TIME\n", doc)
    assert parsed.spans == [Span(2, 3, "TIME")] and parsed.problems == []
