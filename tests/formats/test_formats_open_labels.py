"""Labels, intents and format of each text on its own."""

import pytest
import spacy

from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.open_labels import FORMATS, TASK, Task, create_open_labels


@pytest.mark.parametrize("name", FORMATS)
def test_a_text_without_a_task_is_asked_as_is_set(name: str) -> None:
    doc = spacy.blank("en").make_doc("See you on May 5")
    form = create_open_labels(name)(["DATE"], ["call"])
    assert form.questions(doc) == FORMATS[name](["DATE"], ["call"]).questions(doc)
    doc.user_data[TASK] = Task(format="BioLines", labels=["WHEN"], intents=[])
    assert form.questions(doc) == (BioLines(["WHEN"], []),)


def test_an_unknown_format_is_an_error() -> None:
    with pytest.raises(ValueError, match="Got otherwise = 'Lines', allowed are BioLines, "):
        create_open_labels("Lines")


def test_the_name_of_the_format_is_the_same_whatever_is_set() -> None:
    assert [getattr(create_open_labels(name), "__name__", None) for name in FORMATS] == ["OpenLabels"] * len(FORMATS)
