"""Places of entities that an answer names by their words: which of several, and those that are only alike."""

import builtins
from itertools import pairwise
from typing import Any

import pytest
import spacy
from format_docs import LABELS, docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_slm_ner.formats.answer_problems import kind_of
from spacy_slm_ner.formats.entity_locator import AnswerContent, NamedEntity, locate_content
from spacy_slm_ner.formats.gollie import create_gollie
from spacy_slm_ner.formats.json_entities import create_json
from spacy_slm_ner.formats.placement import Placement
from spacy_slm_ner.formats.uniner import create_uniner

TEXT = "Ada met Ottoline Varga, and Ada left. Ada Quill came on May 4, not May 5."
POLICIES = [Placement(mentions, fuzzy) for mentions in ("next", "all", "occurrence") for fuzzy in (0.0, 0.8)]  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def doc() -> Doc:
    return spacy.blank("en").make_doc(TEXT)


def locate(doc: Doc, placement: Placement, *named: str | tuple[str, int]) -> tuple[list[tuple[str, int]], list[str]]:
    """Texts and first characters of what was found, and the kinds of problems."""
    entities = [NamedEntity(*((one, "A", None) if isinstance(one, str) else (one[0], "A", one[1])), 0, 1) for one in named]
    parsed = locate_content(AnswerContent(entities, [], []), doc, ["A"], [], placement)
    return [(doc[start:end].text, doc[start].idx) for start, end, _ in parsed.spans], [*map(kind_of, parsed.problems)]


@pytest.mark.parametrize(
    ("mentions", "named", "starts", "problems"),
    [
        pytest.param("next", ["Ada"], [0], [], id="next"),
        pytest.param("next", ["Ada", "Ada"], [0, 28], [], id="next-of-two"),
        pytest.param("next", [("Ada", 3)], [38], [], id="next-numbered"),
        pytest.param("next", [("Ada", 9)], [0], ["no such occurrence"], id="next-wrong-number"),
        pytest.param("all", ["Ada"], [0, 28, 38], [], id="all"),
        pytest.param("all", ["Ada", "Ada Quill"], [0, 28, 38], [], id="all-but-inside-another"),
        pytest.param("all", ["Ada Quill", "Ada"], [0, 28, 38], [], id="all-but-inside-another-before"),
        pytest.param("all", [("Ada", 2)], [28], [], id="all-numbered"),
        pytest.param("all", ["ada"], [0, 28, 38], ["inexact"], id="all-of-another-case"),
        pytest.param("occurrence", ["Ada", ("Ada", 3)], [0, 38], [], id="occurrence"),
        pytest.param("occurrence", [("Ada", 2), "Ada"], [0, 28], [], id="occurrence-in-any-order"),
        pytest.param("occurrence", [("Ada", 9)], [], ["no such occurrence"], id="occurrence-wrong-number"),
        pytest.param("occurrence", ["Eve"], [], ["not in the text"], id="occurrence-not-there"),
    ],
)
def test_which_place_is_meant(mentions: Any, named: list[Any], starts: list[int], problems: list[str], doc: Doc) -> None:
    found, kinds = locate(doc, Placement(mentions), *named)
    assert ([start for _, start in found], kinds) == (starts, problems)


@pytest.mark.parametrize(
    ("named", "fuzzy", "found"),
    [
        pytest.param("Ottolina Varga", 0.85, "Ottoline Varga", id="one-letter"),
        pytest.param("ottolin varga", 0.85, "Ottoline Varga", id="one-missing-and-case"),
        pytest.param("Otoline Vargas", 0.85, "Ottoline Varga", id="two-slips"),
        pytest.param("Otoline Vargas", 0.95, None, id="too-strict"),
        pytest.param("Ottolina Varga", 0.0, None, id="off"),
        pytest.param("Bda", 0.5, None, id="too-short"),
        pytest.param("Frederick Nobody", 0.85, None, id="nothing-alike"),
        pytest.param("Ada Quil", 0.85, "Ada Quill", id="the-best-and-not-the-first"),
        pytest.param("Mey 4", 0.75, "May 4", id="the-first-of-equals"),
    ],
)
def test_words_that_are_alike(named: str, fuzzy: float, found: str | None, doc: Doc) -> None:
    texts, kinds = locate(doc, Placement(fuzzy=fuzzy), named)
    assert [text for text, _ in texts] == ([found] if found else [])
    assert kinds == ["inexact" if found else "not in the text"]


def test_what_is_alike_has_no_number(doc: Doc) -> None:
    placement = Placement("occurrence", 0.85)
    assert locate(doc, placement, ("Ottolina Varga", 2)) == ([], ["not in the text"])
    assert locate(doc, placement, ("Ottolina Varga", 1)) == ([("Ottoline Varga", 8)], ["inexact"])


def test_a_place_that_is_taken_is_not_alike(doc: Doc) -> None:
    found, kinds = locate(doc, Placement(fuzzy=0.6), "May 4", "Mey 4", "Mey 4")
    assert ([text for text, _ in found], kinds) == (["May 4", "May 5"], ["inexact", "not in the text"])


WORDS = ["May", "4", "ﬁ", "ß", "İ", "５", "e\u0301", "“", "co\u00adop", "שלום", "😀", "\r\n", " ", "Otto", "Varga"]


@given(
    docs(),
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join), max_size=5),
    st.sampled_from(POLICIES),
)
def test_nothing_is_invented_and_nothing_overlaps(doc: Doc, named: list[str], placement: Placement) -> None:
    entities = [NamedEntity(words, "DATE", None, 0, 1) for words in named]
    parsed = locate_content(AnswerContent(entities, [], []), doc, LABELS, [], placement)
    assert all(a.end <= b.start for a, b in pairwise(parsed.spans))
    exact = {" ".join(words.split()) for words in named}
    loose = sum(kind_of(problem) == "inexact" for problem in parsed.problems)
    differing = [span for span in parsed.spans if " ".join(doc[span.start : span.end].text.split()) not in exact]
    assert placement.mentions == "all" or len(differing) <= loose


def test_settings_of_formats(doc: Doc) -> None:
    [question] = create_uniner(mentions="all")(["A"], []).questions(doc)
    assert len(question.parse('["Ada"]', doc).spans) == 3
    [question] = create_gollie(mentions="all", fuzzy=0.85)(["A"], []).questions(doc)
    assert len(question.parse('[A(span="Ada"), A(span="Ottolina Varga")]', doc).spans) == 4
    [question] = create_json(mentions="occurrence")(["A"], []).questions(doc)
    assert len(question.parse('{"entities": [{"text": "Ada", "label": "A", "occurrence": 7}]}', doc).spans) == 0


@pytest.mark.parametrize("create", [create_uniner, create_gollie])
def test_formats_that_leave_numbers_out_cannot_rely_on_them(create: Any) -> None:
    with pytest.raises(ValueError, match=r"Got mentions = 'occurrence', but only spacy-slm-ner\.Json\.v1"):
        create(mentions="occurrence")


def test_other_settings_are_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="Got mentions = 'first', allowed are next, all, occurrence"):
        Placement("first")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Got fuzzy = 85, allowed is 0"):
        Placement(fuzzy=85)
    plain = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *more: fail(name) if name == "rapidfuzz" else plain(name, *more))
    with pytest.raises(ValueError, match=r'Fuzzy places need rapidfuzz: pip install "spacy-slm-ner\[fuzzy\]"'):
        Placement(fuzzy=0.9)


def fail(name: str) -> None:
    raise ImportError(name)
