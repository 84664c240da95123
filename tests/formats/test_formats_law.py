"""What every format keeps to, for any text and any entities."""

from typing import Any

import pytest
from format_docs import INTENTS, LABELS, NAMES, docs, named_docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_slm_ner.constraints.grammar import Grammar, find_path
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.gollie import Gollie
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.json_entities import Json
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.formats.trailing_tags import TrailingTags
from spacy_slm_ner.labels import best_category

ALL = [BioLines, SpanLines, InlineTags, TokenLines, TrailingTags, Json, Gollie]
FORMATS = pytest.mark.parametrize("format", ALL)
# Formats whose answer is empty where there is no entity, and whose prompt holds the text as it is.
PLAIN = pytest.mark.parametrize("format", [BioLines, SpanLines, InlineTags, TokenLines, TrailingTags])
UNQUOTED = pytest.mark.parametrize("format", [BioLines, SpanLines, InlineTags, TokenLines, TrailingTags, Json])

# Texts, and what looks like an answer of some format
PARTS = ['{"entities": [', '{"text": "', '", "label": "', "DATE", '", "occurrence": ', "1", "}", "]}", ",\n", "4", "May"]
PARTS += ["[", "]", "DATE(", 'span="', '")', "(", ")", "\\", "'", '"', "```", "result = ", "None", "\n"]
PARTS += ["TIME: ", "<DATE>", "</DATE>", "intent: "]
ANSWERS = st.one_of(st.text(), st.lists(st.sampled_from(PARTS), max_size=20).map("".join))


@FORMATS
@given(docs(), st.sampled_from([(), INTENTS]))
def test_the_target_is_parsed_back(format: type, doc: Doc, intents: tuple[str, ...]) -> None:
    form = format(LABELS, intents)
    parsed = form.parse(form.target(doc), doc)
    assert parsed.spans == gold_spans(doc)
    assert parsed.intent == (best_category(doc.cats) if intents else None)
    assert parsed.problems == []


@FORMATS
@given(docs(), st.sampled_from([(), INTENTS]))
def test_the_constraint_can_write_the_target(format: type, doc: Doc, intents: tuple[str, ...]) -> None:
    form = format(LABELS, intents)
    path = find_path(form.constraint(doc), form.target(doc))
    assert path is not None
    assert "".join(edge.text for edge in path) == form.target(doc)


@FORMATS
@given(named_docs(), st.lists(NAMES, unique=True, max_size=2), st.randoms())
def test_labels_and_intents_may_have_any_name(format: type, named: tuple[Doc, list[str]], intents: list[str], random) -> None:  # type: ignore[no-untyped-def]
    doc, labels = named
    doc.cats = {name: float(name == intents[0]) for name in intents}
    form = format(labels, intents)
    parsed = form.parse(form.target(doc), doc)
    assert (parsed.spans, parsed.problems) == (gold_spans(doc), [])
    assert parsed.intent == (intents[0] if intents else None)
    assert find_path(form.constraint(doc), form.target(doc)) is not None
    assert form.parse(write_any(form.constraint(doc), random), doc).problems == []


@pytest.mark.parametrize(
    ("format", "target"),
    [
        pytest.param(BioLines, "Ana: B-person/actor\nLi: B-a: <b>\n", id="BioLines"),
        pytest.param(TokenLines, "Ana: B-person/actor\nsaw: O\nLi: B-a: <b>\n", id="TokenLines"),
        pytest.param(SpanLines, "person/actor: Ana\na\\: <b>: Li\n", id="SpanLines"),
        pytest.param(InlineTags, "<person/actor>Ana</person/actor> saw <a: \\<b\\>>Li</a: \\<b\\>>", id="InlineTags"),
    ],
)
def test_marks_of_a_label_are_escaped_where_they_mean_something(format: type, target: str) -> None:
    doc = Doc(Vocab(), words=["Ana", "saw", "Li"], spaces=[True, True, False])
    doc.ents = [Span(doc, 0, 1, "person/actor"), Span(doc, 2, 3, "a: <b>")]
    form = format(["person/actor", "a: <b>"])
    assert form.target(doc) == target
    assert form.parse(target, doc).spans == gold_spans(doc)
    assert form.parse(target.upper(), doc).problems == [] or format is InlineTags


@FORMATS
@pytest.mark.parametrize("word", ["a:B-DATE", "a:", "x:O", "[2]", "B-DATE:"])
def test_a_word_that_looks_like_a_line(format: type, word: str) -> None:
    doc = Doc(Vocab(), words=["so", word, word], spaces=[True, True, False])
    doc.ents = [Span(doc, 2, 3, "TIME")]
    form = format(LABELS)
    parsed = form.parse(form.target(doc), doc)
    assert (parsed.spans, parsed.problems) == (gold_spans(doc), [])


def write_any(grammar: Grammar, random: Any) -> str:
    """An answer that a constraint can write."""
    state, written = grammar.start, ""
    while not (grammar.may_end(state) and random.random() < 0.2):
        edges = grammar.edges(state)
        if not edges:
            assert grammar.may_end(state)
            break
        edge = random.choice(edges)
        written, state = written + edge.text, edge.target
    return written


@FORMATS
@given(docs(), st.randoms())
def test_whatever_the_constraint_writes_is_parsed_whole(format: type, doc: Doc, random) -> None:  # type: ignore[no-untyped-def]
    form = format(LABELS, INTENTS)
    parsed = form.parse(write_any(form.constraint(doc), random), doc)
    assert parsed.problems == []
    assert all(0 <= span.start < span.end <= len(doc) for span in parsed.spans)
    assert all(a.end <= b.start for a, b in zip(parsed.spans, parsed.spans[1:]))


@FORMATS
@given(docs(), ANSWERS)
def test_any_answer_is_read_without_an_exception(format: type, doc: Doc, answer: str) -> None:
    parsed = format(LABELS, INTENTS).parse(answer, doc)
    assert all(0 <= span.start < span.end <= len(doc) for span in parsed.spans)


@PLAIN
@given(docs())
def test_an_empty_answer_has_no_entity(format: type, doc: Doc) -> None:
    form = format(LABELS)
    assert form.parse("", doc).spans == []
    assert form.constraint(doc).may_end(form.constraint(doc).start)


@UNQUOTED
@given(docs())
def test_the_text_of_the_user_is_a_turn_of_its_own(format: type, doc: Doc) -> None:
    system, user = format(LABELS, INTENTS).render(doc)
    assert user == {"role": "user", "content": doc.text}
    assert system["role"] == "system" and "DATE, TIME" in system["content"] and "cancel or inquiry" in system["content"]


@FORMATS
@given(docs(), st.data())
def test_a_target_may_end_anywhere(format: type, doc: Doc, data: st.DataObject) -> None:
    form = format(LABELS)
    target = form.target(doc)
    parsed = form.parse(target[: data.draw(st.integers(0, len(target)))], doc)
    assert all(a.end <= b.start for a, b in zip(parsed.spans, parsed.spans[1:]))
