"""Examples in prompts."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import spacy
from format_docs import INTENTS, LABELS, docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from test_formats_law import ALL

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.formats.few_shot import create_few_shot
from spacy_slm_ner.formats.json_entities import create_json
from spacy_slm_ner.formats.prompt_examples import PromptExample, from_doc
from spacy_slm_ner.formats.span_lines import create_span_lines
from spacy_slm_ner.formats.uniner import UniNER, create_uniner

TEXTS = ["Lunch on May 4", "Dinner on Friday", "Call Ada", "Lunch on May 5", "Lunch, please"]


@pytest.fixture(scope="module")
def blank() -> Language:
    return spacy.blank("en")


def labelled(nlp: Language, text: str, intent: str = "") -> Doc:
    """A Doc whose dates are entities."""
    doc = nlp.make_doc(text)
    found = [text.find(date) for date in ("May 4", "May 5", "Friday")]
    doc.set_ents([doc.char_span(start, len(text), "DATE") for start in found if start >= 0], default="outside")
    doc.cats = {name: float(name == intent) for name in INTENTS} if intent else {}
    return doc


@pytest.fixture
def corpus(tmp_path: Path, blank: Language) -> str:
    DocBin(docs=[labelled(blank, text) for text in TEXTS]).to_disk(tmp_path / "train.spacy")
    return str(tmp_path / "train.spacy")


def prompt(factory: Any, doc: Doc) -> list[tuple[str, str]]:
    [question] = factory(["DATE"], []).questions(doc)
    return [(message["role"], message["content"]) for message in question.render(doc)]


def test_similar_examples_are_answered_turns_the_most_similar_one_last(corpus: str, blank: Language) -> None:
    factory = create_few_shot(create_span_lines(), corpus, k=2)
    assert prompt(factory, blank.make_doc("Lunch on May 6"))[1:] == [
        ("user", "Lunch on May 5"),
        ("assistant", "DATE: May 5\n"),
        ("user", "Lunch on May 4"),
        ("assistant", "DATE: May 4\n"),
        ("user", "Lunch on May 6"),
    ]


def test_random_examples_are_the_same_for_all_texts(corpus: str, blank: Language) -> None:
    factory = create_few_shot(create_span_lines(), corpus, k=3, selection="random", seed=1)
    one, other = (prompt(factory, blank.make_doc(text)) for text in ("Lunch on May 6", "Hi"))
    assert one[:-1] == other[:-1] and len(one) == 8
    again = create_few_shot(create_span_lines(), corpus, k=3, selection="random", seed=2)
    assert prompt(again, blank.make_doc("Hi"))[:-1] != one[:-1]


@pytest.mark.parametrize("selection", ["similar", "random"])
@pytest.mark.parametrize("text", ["Lunch on May 4", "lunch  on May 4\n"])
def test_no_text_is_its_own_example(corpus: str, blank: Language, selection: Any, text: str) -> None:
    factory = create_few_shot(create_span_lines(), corpus, k=9, selection=selection)
    shown = [content for role, content in prompt(factory, blank.make_doc(text)) if role == "user"]
    assert sorted(shown[:-1]) == sorted({*TEXTS} - {"Lunch on May 4"})


@pytest.mark.parametrize("format", ALL, ids=lambda format: format.__name__)
@given(docs(), st.lists(docs(), min_size=1, max_size=3))
def test_the_law_holds_in_every_format(format: Any, doc: Doc, examples: list[Doc]) -> None:
    pool = [from_doc(example).model_dump(mode="json") for example in examples]
    form = create_few_shot(format, pool, k=2, selection="random")(LABELS, INTENTS)
    [question] = form.questions(doc)
    assert question.parse(question.target(doc), doc) == form.format.parse(question.target(doc), doc)  # type: ignore[attr-defined]
    assert question.parse(question.target(doc), doc).spans == gold_spans(doc)
    assert find_path(question.constraint(doc), question.target(doc)) is not None
    assert [message["role"] for message in question.render(doc)][-1] == "user"


def test_each_question_has_examples_of_its_own(corpus: str, blank: Language) -> None:
    form = create_few_shot(create_uniner(), corpus, k=1)(["DATE", "NAME"], [])
    last = [
        question.render(blank.make_doc("Lunch on May 6"))[3:6] for question in form.questions(blank.make_doc("Lunch on May 6"))
    ]
    assert [[message["content"] for message in turns[:2]] for turns in last] == [
        ["What describes DATE in the text?", '["May 4"]'],
        ["What describes NAME in the text?", "[]"],
    ]
    assert isinstance(form.format, UniNER)  # type: ignore[attr-defined]


def test_what_an_answer_copies_from_an_example_is_told_apart(corpus: str, blank: Language) -> None:
    doc = blank.make_doc("Lunch on May 6")
    [question] = create_few_shot(create_json(), corpus, k=1)(["DATE"], []).questions(doc)
    found = [{"text": text, "label": "DATE"} for text in ("May 4", "July 9", "May 6", "may 4")]
    parsed = question.parse(json.dumps({"entities": found}), doc)
    assert [doc[span.start : span.end].text for span in parsed.spans] == ["May 6"]
    assert parsed.problems == ["copied from an example: 'May 4'", "not in the text: 'July 9'", "copied from an example: 'may 4'"]


def test_the_index_of_the_examples_is_made_once_and_a_pipeline_can_be_pickled(corpus: str) -> None:
    factory = create_few_shot(create_span_lines(), corpus)
    assert factory(["DATE"], []).choice is factory(["DATE", "NAME"], []).choice  # type: ignore[attr-defined]
    again = pickle.loads(pickle.dumps(factory))
    assert again(["DATE"], []).labels == ["DATE"]


def test_examples_may_stand_in_the_config(corpus: str, blank: Language) -> None:
    pool = [from_doc(labelled(blank, text)).model_dump(mode="json") for text in TEXTS]
    doc = blank.make_doc("Lunch on May 6")
    by_name, written = (create_few_shot(create_span_lines(), examples) for examples in (corpus, json.loads(json.dumps(pool))))
    assert prompt(written, doc) == prompt(by_name, doc)
    assert getattr(by_name, "__name__", None) == "SpanLines"


def test_only_examples_with_an_intent_are_shown_where_one_is_asked_for(blank: Language) -> None:
    pool = [from_doc(labelled(blank, "Lunch on May 4", "cancel")), from_doc(labelled(blank, "Lunch on May 5"))]
    factory = create_few_shot(create_span_lines(), [example.model_dump() for example in pool])
    doc = blank.make_doc("Lunch on May 6")
    [question] = factory(["DATE"], INTENTS).questions(doc)
    assert [message["content"] for message in question.render(doc)[1:-1]] == ["Lunch on May 4", "intent: cancel\nDATE: May 4\n"]
    with pytest.raises(ReadError, match="None of 2 examples has one of the intents"):
        factory(["DATE"], ["visit"])


def test_other_settings_than_there_are_are_errors(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Got k = 0, allowed is 1 or more"):
        create_few_shot(create_span_lines(), corpus, k=0)
    with pytest.raises(ValueError, match="Got selection = 'best', allowed are similar, random"):
        create_few_shot(create_span_lines(), corpus, selection="best")  # type: ignore[arg-type]
    with pytest.raises(ReadError, match=r"Cannot read .*absent"):
        create_few_shot(create_span_lines(), str(tmp_path / "absent.spacy"))
    (tmp_path / "train.json").write_text("[]")
    with pytest.raises(ReadError, match="is not a DocBin"):
        create_few_shot(create_span_lines(), str(tmp_path / "train.json"))
    DocBin().to_disk(tmp_path / "empty.spacy")
    with pytest.raises(ReadError, match="holds no texts with entity annotation"):
        create_few_shot(create_span_lines(), str(tmp_path / "empty.spacy"))


@pytest.mark.parametrize(
    ("entries", "error"),
    [
        ([], "The config has no examples"),
        ([{"text": "Lunch"}], "Example 1 of the config: .*words"),
        ([{"words": ["a"], "spaces": [True, False]}], "Example 1 of the config: its spaces or ents do not fit"),
        ([{"words": ["a"], "spaces": [False], "ents": [[0, 2, "DATE"]]}], "Example 1 of the config: its spaces or ents"),
        (["Lunch"], "Example 1 of the config: "),
    ],
)
def test_an_example_that_is_something_else_is_an_error(entries: list[Any], error: str) -> None:
    with pytest.raises(ReadError, match=error):
        create_few_shot(create_span_lines(), entries)


def test_an_example_has_the_text_of_its_words() -> None:
    assert PromptExample(words=("May", "4", "!"), spaces=(True, False, True)).text == "May 4! "
