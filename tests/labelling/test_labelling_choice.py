from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from name_server import NameServer, document
from spacy.language import Language

from spacy_slm_ner.cli._load import load_pipeline
from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.labelling.choice import Chooser, choose
from spacy_slm_ner.labelling.texts import key_of
from spacy_slm_ner.labelling.worth import Worth

TEXTS = ["Apples are red.", "Where is my zebra?", "Nobody knows quinces", "A walnut fell down", "Kumquats, again and again"]


def texts(*given: str) -> list[Any]:
    documents = [document(text, number) for number, text in enumerate(given, 1)]
    return [(key_of(one), one) for one in documents]


def chosen(given: list[str], worth: list[float], number: int) -> list[str]:
    return [one.text for _, one in choose(texts(*given), [Worth(0.0, value) for value in worth], number)]


def test_the_most_worthy_come_first() -> None:
    given = ["aaaaaaa", "bbbbbbb", "ccccccc"]
    assert chosen(given, [0.1, 0.9, 0.5], 2) == ["bbbbbbb", "ccccccc"]
    disagreeing = [Worth(0.0, 0.9), Worth(0.5, 0.0), Worth(0.5, 0.1)]
    assert [one.number for _, one in choose(texts(*given), disagreeing, 3)] == [3, 2, 1]


def test_no_two_are_nearly_the_same() -> None:
    given = [
        "Ada comes on Friday at six.",
        "Ada comes on Friday at six!",
        "Something else altogether",
        "ada comes on friday at six.",
    ]
    assert chosen(given, [0.9, 0.8, 0.1, 0.7], 3) == [given[0], given[2]]


def test_equals_are_chosen_alike_in_any_order() -> None:
    worth = [0.5] * len(TEXTS)
    first = chosen(TEXTS, worth, 3)
    assert chosen(TEXTS[::-1], worth, 3) == first
    assert len(set(first)) == 3


def test_a_pipeline_that_costs_is_not_asked_about_all_texts(
    server: NameServer, write_config: Callable, make_ruler: Callable[..., Language], tmp_path: Path
) -> None:
    asking = load_pipeline(write_config(server.url))
    with pytest.raises(ReadError, match="--cheap asks an endpoint"):
        Chooser(1, asking).require_free()
    with pytest.raises(ReadError, match="--against asks an endpoint"):
        Chooser(1, spacy.blank("en"), asking).require_free()
    Chooser(1, make_ruler(NAME="Ada")).require_free()
