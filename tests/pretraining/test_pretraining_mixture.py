import json
from itertools import groupby, islice
from pathlib import Path
from random import Random

import pytest
import spacy
from spacy.language import Language
from spacy.training import Example

from spacy_slm_ner.constraints.grammar import find_path
from spacy_slm_ner.formats.base import gold_spans
from spacy_slm_ner.formats.open_labels import TASK, OpenLabels
from spacy_slm_ner.pretraining.fake_values import FakeValues
from spacy_slm_ner.pretraining.mixture import LABEL_NAMES, create_mixture, create_mixture_v2
from spacy_slm_ner.pretraining.sentences import LabelledSentence
from spacy_slm_ner.types import Span

FORMATS = {"BioLines": 0.5, "SpanLines": 0.3, "InlineTags": 0.2}
RECORDS = [
    {"text": "Ada comes at 6", "ents": [[0, 3, "PERSON"], [13, 14, "time"]], "cats": {"visit": 1.0}, "source": "one"},
    {"text": "play jazz on friday", "ents": [[5, 9, "genre"], [13, 19, "date"]], "cats": {"play": 1.0}, "source": "one"},
    {"text": "nothing here", "ents": [], "cats": {}, "source": "two"},
    {"text": "Oslo is far", "ents": [[0, 4, "LOC"]], "cats": {}, "source": "two"},
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "sentences.jsonl"
    target.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf8")
    return target


@pytest.fixture
def examples(path: Path, nlp: Language) -> list[Example]:
    return list(islice(create_mixture(path, FORMATS)(nlp), 300))


def test_every_task_can_be_written_and_read_back(examples: list[Example]) -> None:
    form = OpenLabels([])
    for eg in examples:
        [question] = form.questions(eg.reference)
        target = question.target(eg.reference)
        assert find_path(question.constraint(eg.reference), target) is not None
        parsed = question.parse(target, eg.reference)
        assert parsed.spans == gold_spans(eg.reference)
        assert parsed.problems == []


def test_only_labels_that_are_asked_for_are_gold(examples: list[Example]) -> None:
    for eg in examples:
        task = eg.predicted.user_data[TASK]
        assert {ent.label_ for ent in eg.reference.ents} <= set(task["labels"])
        assert task["labels"]
        assert not task["intents"] or sum(eg.reference.cats.values()) == 1.0


def test_tasks_vary_in_format_labels_and_their_names(examples: list[Example]) -> None:
    tasks = [eg.predicted.user_data[TASK] for eg in examples]
    assert {task["format"] for task in tasks} == set(FORMATS)
    names = {label for task in tasks for label in task["labels"]}
    assert {name.lower() for name in names} >= {name.lower() for name in LABEL_NAMES["PERSON"]}
    assert any(not eg.reference.ents for eg in examples)
    assert any(len(eg.reference.ents) > 3 for eg in examples)


def test_the_same_seed_gives_the_same_tasks(path: Path, nlp: Language) -> None:
    first, second, other = (
        [eg.reference.text for eg in create_mixture(path, FORMATS, seed, limit=20)(nlp)] for seed in (1, 1, 2)
    )
    assert first == second != other


def test_neighbours_share_a_task(path: Path, nlp: Language) -> None:
    examples = list(islice(create_mixture_v2(path, FORMATS, together=4)(nlp), 200))
    tasks = [eg.predicted.user_data[TASK] for eg in examples]
    runs = [len(list(group)) for _, group in groupby(tasks, key=id)]
    # A sentence whose entities share a token is left out.
    assert max(runs) == 4 and runs.count(4) > len(runs) / 2
    for eg, task in zip(examples, tasks):
        assert {ent.label_ for ent in eg.reference.ents} <= set(task["labels"])
        assert not task["intents"] or sum(eg.reference.cats.values()) == 1.0


def test_a_number_of_neighbours_below_one_is_an_error(path: Path) -> None:
    with pytest.raises(ValueError, match="together = 0"):
        create_mixture_v2(path, FORMATS, together=0)


def test_a_limit_ends_the_stream(path: Path, nlp: Language) -> None:
    assert 0 < len(list(create_mixture(path, FORMATS, limit=15)(nlp))) <= 15


def test_a_text_without_a_task_is_asked_for_the_labels_of_the_format() -> None:
    doc = spacy.blank("en")("Ada comes")
    [question] = OpenLabels(["NAME"], ["visit", "call"]).questions(doc)
    system, user = question.render(doc)
    assert "NAME" in system["content"] and "visit or call" in system["content"]
    assert user["content"] == "Ada comes"


def test_made_up_values_fit_their_labels() -> None:
    fakes = FakeValues(Random(0))
    for _ in range(200):
        assert "@" in fakes.email()
        assert all(value and value == value.strip() for value in (fakes.person(), fakes.date(), fakes.time()))
    assert fakes.value("playlist") is None


def test_a_message_puts_people_around_a_text() -> None:
    fakes = FakeValues(Random(0))
    body = LabelledSentence("come at 6", (Span(8, 9, "time"),), None, "one")
    for _ in range(100):
        message = fakes.as_message(body, "PERSON")
        assert body.text in message.text
        for start, end, label in message.ents:
            word = message.text[start:end]
            assert (label == "time") == (word == "6")
            assert (label == "EMAIL_ADDRESS") == ("@" in word)
