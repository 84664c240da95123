"""What every format keeps to, for any text and any entities."""

import pytest
from format_docs import INTENTS, LABELS, docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_slm_ner.decoding.grammar import find_path
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.inline_tags import InlineTags
from spacy_slm_ner.formats.span_lines import SpanLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.labels import best_category

FORMATS = pytest.mark.parametrize("format", [BioLines, SpanLines, InlineTags, TokenLines])


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
@given(docs(), st.randoms())
def test_whatever_the_constraint_writes_is_parsed_whole(format: type, doc: Doc, random) -> None:  # type: ignore[no-untyped-def]
    form = format(LABELS, INTENTS)
    grammar, state, written = form.constraint(doc), form.constraint(doc).start, ""
    while not (grammar.may_end(state) and random.random() < 0.2):
        edges = grammar.edges(state)
        if not edges:
            assert grammar.may_end(state)
            break
        edge = random.choice(edges)
        written, state = written + edge.text, edge.target
    parsed = form.parse(written, doc)
    assert parsed.problems == []
    assert all(0 <= span.start < span.end <= len(doc) for span in parsed.spans)
    assert all(a.end <= b.start for a, b in zip(parsed.spans, parsed.spans[1:]))


@FORMATS
@given(docs(), st.text())
def test_any_answer_is_read_without_an_exception(format: type, doc: Doc, answer: str) -> None:
    parsed = format(LABELS, INTENTS).parse(answer, doc)
    assert all(0 <= span.start < span.end <= len(doc) for span in parsed.spans)


@FORMATS
@given(docs())
def test_an_empty_answer_has_no_entity(format: type, doc: Doc) -> None:
    form = format(LABELS)
    assert form.parse("", doc).spans == []
    assert form.constraint(doc).may_end(form.constraint(doc).start)


@FORMATS
@given(docs())
def test_the_text_of_the_user_is_a_turn_of_its_own(format: type, doc: Doc) -> None:
    system, user = format(LABELS, INTENTS).render(doc)
    assert user == {"role": "user", "content": doc.text}
    assert system["role"] == "system" and "DATE, TIME" in system["content"] and "cancel or inquiry" in system["content"]
