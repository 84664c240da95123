"""Prompts word for word: trained adapters depend on them."""

from pathlib import Path

import pytest
import spacy
import srsly

from spacy_slm_ner.errors import LabelError, ReadError
from spacy_slm_ner.formats.base import FormatFactory
from spacy_slm_ner.formats.bio_lines import create_bio_lines
from spacy_slm_ner.formats.inline_tags import create_inline_tags
from spacy_slm_ner.formats.open_labels import TASK, Task, create_open_labels
from spacy_slm_ner.formats.span_lines import create_span_lines
from spacy_slm_ner.formats.token_lines import create_token_lines
from spacy_slm_ner.formats.trailing_tags import create_trailing_tags
from spacy_slm_ner.labels.guidelines import read_guidelines

TASKS = {
    create_bio_lines: "Write each word of an entity on a line, with its BIO label.",
    create_span_lines: "Write each entity on a line, behind its label.",
    create_inline_tags: "Copy the text and mark its entities, <LABEL>like this</LABEL>.",
    create_token_lines: "Write every word on a line, with its BIO label or O.",
    create_trailing_tags: ("Copy the text. Write the label of an entity behind its first word, like<LABEL> this>."),
    create_open_labels: "Write each word of an entity on a line, with its BIO label.",
}
FORMATS = pytest.mark.parametrize(("create", "task"), TASKS.items(), ids=[create.__name__ for create in TASKS])
DATE = "- DATE: A day, without the preposition. Examples: next Friday; 3/14.\n"
TIME = "- TIME: A point within a day.\n"
INTENTS = "\nThe first line names the intent: cancel or inquiry."


@pytest.fixture
def guidelines(tmp_path: Path) -> str:
    labels = {
        "TIME": {"description": "A point within a day."},
        "DATE": {"description": "A day,\n without the preposition.", "examples": ["next Friday", "3/14"], "share": 0.1},
    }
    srsly.write_yaml(tmp_path / "labels.yml", {"domain": "Bookings", "labels": labels})
    return str(tmp_path / "labels.yml")


def system_prompt(factory: FormatFactory, *intents: str) -> str:
    doc = spacy.blank("en")("See you at 6")
    [question] = factory(["DATE", "TIME"], intents).questions(doc)
    system, _ = question.render(doc)
    return system["content"]


@FORMATS
def test_prompts_without_guidelines_stay_as_they_are(create, task: str) -> None:  # type: ignore[no-untyped-def]
    assert system_prompt(create()) == f"{task}\nLabels: DATE, TIME."
    assert system_prompt(create(), "cancel", "inquiry") == f"{task}\nLabels: DATE, TIME.{INTENTS}"


@FORMATS
def test_guidelines_follow_the_labels(create, task: str, guidelines: str) -> None:  # type: ignore[no-untyped-def]
    described = f"{task}\nLabels: DATE, TIME.\n{DATE}{TIME}".strip()
    assert system_prompt(create(guidelines=guidelines)) == described
    assert system_prompt(create(guidelines=guidelines), "cancel", "inquiry") == described + INTENTS


@FORMATS
def test_guidelines_change_neither_the_name_of_a_format_nor_its_answers(create, task: str, guidelines: str) -> None:  # type: ignore[no-untyped-def]
    doc = spacy.blank("en")("See you at 6")
    doc.ents = [doc.char_span(11, 12, "TIME")]
    plain, described = create(), create(guidelines=guidelines)
    assert getattr(described, "__name__", None) == getattr(plain, "__name__", None)
    [one], [other] = described(["TIME"], []).questions(doc), plain(["TIME"], []).questions(doc)
    assert one.target(doc) == other.target(doc)


@FORMATS
def test_guidelines_may_stand_in_the_config(create, task: str, guidelines: str) -> None:  # type: ignore[no-untyped-def]
    entries = read_guidelines(Path(guidelines)).to_config()
    assert system_prompt(create(guidelines=entries)) == system_prompt(create(guidelines=guidelines))
    with pytest.raises(ReadError, match=r"The config: labels\.DATE\.description: Field required"):
        create(guidelines={"DATE": {}})


@FORMATS
def test_every_label_needs_an_entry(create, task: str, guidelines: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LabelError, match=r"describe \['TIME', 'DATE'\], not \['NAME'\]"):
        create(guidelines=guidelines)(["DATE", "NAME"], [])


def test_guidelines_are_read_when_the_config_is(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="Cannot read "):
        create_bio_lines(guidelines=str(tmp_path / "absent.yml"))


def test_a_text_with_a_task_of_its_own_is_asked_without_guidelines(guidelines: str) -> None:
    doc = spacy.blank("en")("See you at 6")
    doc.user_data[TASK] = Task(format="SpanLines", labels=["NAME"], intents=[])
    [question] = create_open_labels(guidelines=guidelines)(["DATE"], []).questions(doc)
    system, _ = question.render(doc)
    assert system["content"] == "Write each entity on a line, behind its label.\nLabels: NAME."
