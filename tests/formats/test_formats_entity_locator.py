import time
from typing import Optional

import pytest
import spacy

from spacy_slm_ner.formats.entity_locator import EntityLocator, NamedEntity
from spacy_slm_ner.types import Span


def locate(text: str, *named: tuple[str, str, Optional[int]]) -> tuple[list[tuple[str, str]], list[str]]:
    doc = spacy.blank("en")(text)
    locator = EntityLocator(doc, ["DAY", "NAME"])
    for one in named:
        locator.add(NamedEntity(*one, 0, 0))
    return [(doc[start:end].text, label) for start, end, label in (one.span for one in locator.found)], locator.problems


@pytest.mark.parametrize(
    ("text", "name", "found", "problem"),
    [
        pytest.param("on Friday", "FRIDAY", "Friday", "inexact: 'FRIDAY' (folded)", id="case"),
        pytest.param("O’Neil came", "O'Neil", "O’Neil", 'inexact: "O\'Neil" (folded)', id="quote-mark"),
        pytest.param("on Tuesday, May 4", "Tuesday May 4", "Tuesday, May 4", "inexact: 'Tuesday May 4' (joined)", id="marks"),
        pytest.param("a@b.c wrote", "a @ b . c", "a@b.c", "inexact: 'a @ b . c' (respaced)", id="spaces"),
        pytest.param("Montagmorgen", "Montag", "Montagmorgen", "inexact: 'Montag' (inside_word)", id="part-of-a-token"),
        pytest.param("cafe\u0301 Rio", "café", "cafe\u0301", "inexact: 'café' (folded)", id="unicode-form"),
    ],
)
def test_other_spellings_are_found_and_named(text: str, name: str, found: str, problem: str) -> None:
    assert locate(text, (name, "DAY", 1)) == ([(found, "DAY")], [problem])


@pytest.mark.parametrize("name", ["us", "İ", "7 pm", "Ottoline"])
def test_nothing_is_invented(name: str) -> None:
    assert locate("The bus comes at 6 pm, she said.", (name, "DAY", None)) == ([], [f"not in the text: {name!r}"])


def test_an_occurrence_counts_whole_tokens_from_the_beginning() -> None:
    found, problems = locate("us bus us", ("us", "DAY", 2), ("us", "NAME", 1))
    assert (found, problems) == ([("us", "NAME"), ("us", "DAY")], [])


def test_a_duplicate_in_another_spelling_takes_no_other_place() -> None:
    found, problems = locate("Friday or Friday", ("FRIDAY", "DAY", 1), ("FRIDAY", "DAY", 1))
    assert found == [("Friday", "DAY")]
    assert problems == ["inexact: 'FRIDAY' (folded)", "duplicate: 'FRIDAY'"]


def test_many_mentions_of_a_long_text_are_found_fast() -> None:
    words = [f"Name{i}" if i % 80 == 0 else "word" for i in range(16_000)]
    text = " ".join(words)
    start = time.perf_counter()
    found, problems = locate(text, *((word, "NAME", 1) for word in words if word != "word"))
    assert len(found) == 200 and problems == []
    assert time.perf_counter() - start < 5


def test_labels_that_differ_in_case_alone_are_told_apart() -> None:
    locator = EntityLocator(spacy.blank("en")("May"), ["day", "DAY"])
    locator.add(NamedEntity("May", "day", 1, 0, 0))
    assert [one.span for one in locator.found] == [Span(0, 1, "day")]
