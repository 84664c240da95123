"""Questions for one label each: what is asked, and how lists of strings read."""

from typing import Any

import pytest
import spacy
from format_docs import INTENTS, LABELS, NAMES, docs, named_docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from test_formats_law import write_any

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.formats.answer_problems import kind_of
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.formats.uniner import UniNER, create_uniner
from spacy_slm_ner.types import Span

TEXT = "Ada, Bob and Ada meet at 6 pm"
PUBLISHED = "A virtual assistant answers questions from a user based on the provided text."
ADA, BOB, LAST_ADA = Span(0, 1, "NAME"), Span(2, 3, "NAME"), Span(4, 5, "NAME")


@pytest.fixture(scope="module")
def doc() -> Doc:
    return spacy.blank("en").make_doc(TEXT)


@given(docs(), st.sampled_from([(), INTENTS]))
def test_the_targets_of_all_questions_are_parsed_back(doc: Doc, intents: tuple[str, ...]) -> None:
    found, intent = [], None
    for question in UniNER(LABELS, intents).questions(doc):
        target = question.target(doc)
        assert find_path(question.constraint(doc), target) is not None
        parsed = question.parse(target, doc)
        assert parsed.problems == []
        found += parsed.spans
        intent = intent or parsed.intent
    assert sorted(found) == gold_spans(doc)
    assert intent == (max(doc.cats, key=lambda name: doc.cats[name]) if intents else None)


@given(named_docs(), st.randoms())
def test_whatever_the_constraint_writes_is_parsed_whole(named: tuple[Doc, list[str]], random: Any) -> None:
    doc, labels = named
    for question in UniNER(labels, INTENTS).questions(doc):
        written = write_any(question.constraint(doc), random)
        parsed = question.parse(written, doc)
        assert parsed.problems == []
        assert all(a.end <= b.start for a, b in zip(parsed.spans, parsed.spans[1:]))


@given(docs(), st.lists(NAMES, unique_by=str.casefold, min_size=1, max_size=3))
def test_an_intent_may_have_any_name(doc: Doc, intents: list[str]) -> None:
    doc.cats = {name: float(name == intents[-1]) for name in intents}
    *_, question = UniNER(LABELS, intents).questions(doc)
    parsed = question.parse(question.target(doc), doc)
    assert (parsed.intent, parsed.problems) == (intents[-1], [])


@given(
    docs(), st.one_of(st.text(), st.lists(st.sampled_from(["[", "]", '"', "'", ", ", "May", "4", "2", "\\", "{"])).map("".join))
)
def test_any_answer_is_read_without_an_exception(doc: Doc, answer: str) -> None:
    for question in UniNER(LABELS, INTENTS).questions(doc):
        assert all(0 <= span.start < span.end <= len(doc) for span in question.parse(answer, doc).spans)


@pytest.mark.parametrize(
    ("answer", "spans", "problems"),
    [
        pytest.param('["Ada"]', [ADA], [], id="first"),
        pytest.param('["Ada", "Bob", "Ada"]', [ADA, BOB, LAST_ADA], [], id="by-order"),
        pytest.param('["Ada", 2]', [LAST_ADA], [], id="number"),
        pytest.param('["Ada", 2, "Bob"]', [BOB, LAST_ADA], [], id="number-and-another"),
        pytest.param('["Ada", 9]', [ADA], ["no such occurrence"], id="number-too-high"),
        pytest.param('["Ada", 0]', [ADA], ["malformed"], id="number-zero"),
        pytest.param("[2]", [], ["no answer"], id="number-alone"),
        pytest.param("[]", [], [], id="none"),
        pytest.param("[ ]\n", [], [], id="none-with-blanks"),
        pytest.param("['Ada', “Bob”]", [ADA, BOB], [], id="other-quotes"),
        pytest.param('["Ada" "Bob"]', [ADA, BOB], [], id="no-comma"),
        pytest.param('["Ada",]', [ADA], [], id="trailing-comma"),
        pytest.param('["ada"]', [ADA], ["inexact"], id="another-case"),
        pytest.param('["Eve", "Bob"]', [BOB], ["not in the text"], id="hallucination"),
        pytest.param('["Bob", "Bob"]', [BOB], ["duplicate"], id="duplicate"),
        pytest.param('["Bob and Ada", "Bob"]', [Span(2, 5, "NAME")], ["overlap"], id="overlap"),
        pytest.param('["Bob", "Ad', [BOB], ["cut off"], id="cut-off-inside"),
        pytest.param('["Bob",', [BOB], ["cut off"], id="cut-off-between"),
        pytest.param("[", [], ["cut off"], id="cut-off-at-the-start"),
        pytest.param('```json\n["Bob"]\n```', [BOB], ["markdown fence"], id="fence"),
        pytest.param('Here it is: ["Bob"].', [BOB], ["text around", "text around"], id="text-around"),
        pytest.param('<think>["Ada"]</think>["Bob"]', [BOB], ["text around"], id="thought"),
        pytest.param('As in [1]: ["Bob"]', [BOB], ["text around"], id="reference"),
        pytest.param("Bob", [], ["no answer"], id="no-list"),
        pytest.param("", [], ["no answer"], id="nothing"),
        pytest.param('["Bob", null, {"text": "Ada"}]', [BOB], ["malformed", "malformed"], id="no-strings"),
        pytest.param('["Bob", ["Ada"]]', [BOB], ["malformed", "text around"], id="list-in-a-list"),
        pytest.param('[""]', [], ["malformed"], id="empty-string"),
    ],
)
def test_a_free_answer_is_read(doc: Doc, answer: str, spans: list[Span], problems: list[str]) -> None:
    [question] = UniNER(["NAME"]).questions(doc)
    parsed = question.parse(answer, doc)
    assert (parsed.spans, [*map(kind_of, parsed.problems)]) == (spans, problems)


@pytest.mark.parametrize(
    ("answer", "intent", "problems"),
    [
        ('"cancel"', "cancel", []),
        ("Cancel", "cancel", []),
        ("cancel.", "cancel", []),
        ('["cancel"]', "cancel", []),
        ("perhaps", None, ["unknown intent"]),
        ("", None, ["no intent"]),
    ],
)
def test_an_intent_is_read(doc: Doc, answer: str, intent: str | None, problems: list[str]) -> None:
    *_, question = UniNER(LABELS, INTENTS).questions(doc)
    parsed = question.parse(answer, doc)
    assert (parsed.intent, [*map(kind_of, parsed.problems)]) == (intent, problems)


def test_prompts_as_they_were_published(doc: Doc) -> None:
    [question] = create_uniner(explained=False)(["person"], []).questions(doc)
    assert [message["content"] for message in question.render(doc)] == [
        PUBLISHED,
        f"Text: {TEXT}",
        "I've read this text.",
        "What describes person in the text?",
    ]


def test_prompts_say_how_to_answer_and_what_a_label_means(doc: Doc) -> None:
    guidelines = {"NAME": {"description": "A person,\nwithout titles.", "examples": ["Ada", 'the "boss"']}}
    [question] = create_uniner(guidelines)(["NAME"], []).questions(doc)
    system, *_, last = question.render(doc)
    assert "JSON list of strings" in system["content"]
    assert last["content"] == (
        'What describes NAME in the text?\nNAME: A person, without titles.\nExamples: "Ada", "the \\"boss\\""'
    )


def test_all_questions_about_a_text_share_all_turns_but_the_last(doc: Doc) -> None:
    prompts = [question.render(doc) for question in UniNER(LABELS, INTENTS).questions(doc)]
    assert len(prompts) == 3
    assert all(prompt[:-1] == prompts[0][:-1] for prompt in prompts)
    assert len({prompt[-1]["content"] for prompt in prompts}) == 3


def test_other_turns_than_there_are_are_an_error() -> None:
    with pytest.raises(ValueError, match="Got turns = 'both', allowed are independent, conversation"):
        create_uniner(turns="both")  # type: ignore[arg-type]
