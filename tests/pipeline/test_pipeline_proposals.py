"""What `slm_ner` proposes to its generator."""

from typing import Any

import pytest
import spacy
from mock_generator import mock_config, mock_of
from spacy.language import Language

from spacy_slm_ner.formats.base import Request

WORDS = {"Jo Lee": "NAME", "Friday": "DATE"}
PATTERNS = [{"label": "NAME", "pattern": "Ana"}, {"label": "DATE", "pattern": "Monday"}, {"label": "ORG", "pattern": "Acme"}]
TEXT = "Ana of Acme comes on Monday, Jo Lee on Friday."


def asked(text: str, intent: str = "", seen: dict[str, float] | None = None, **config: Any) -> list[Request]:
    """What the generator is asked about a text behind a ruler, and behind what has seen some intents."""
    nlp: Language = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)  # type: ignore[attr-defined]
    nlp.add_pipe("slm_ner", config=mock_config(WORDS, intent, **{"labels": ["NAME", "DATE"], **config}))
    doc = nlp.make_doc(text)
    doc.cats = seen or {}
    nlp(doc)
    return mock_of(nlp).asked


def proposed(request: Request, written: str = "") -> str:
    """The proposal from the state on that some text leads to."""
    assert request.draft is not None
    state = request.grammar.start
    while written:
        edge = next(edge for edge in request.grammar.edges(state) if written.startswith(edge.text))
        state, written = edge.target, written[len(edge.text) :]
    edges = list(request.draft.edges(state))
    end = edges[-1].target if edges else state
    return "".join(edge.text for edge in edges) + ("." if request.draft.ends(end) else "")


def test_entities_of_its_labels_are_proposed() -> None:
    [request] = asked(TEXT)
    assert proposed(request) == "Ana: B-NAME\nMonday: B-DATE\n."


def test_where_there_are_none_no_entity_is_proposed() -> None:
    [request] = asked("Jo Lee on Friday.")
    assert proposed(request) == "."


def test_after_another_entity_the_rest_is_proposed() -> None:
    [request] = asked(TEXT)
    assert proposed(request, "Ana: B-DATE\n") == "Monday: B-DATE\n."
    assert proposed(request, "Ana: B-NAME\nof: I-NAME\nMonday") == ": B-DATE\n."


def test_every_line_is_proposed_where_every_token_has_one() -> None:
    [request] = asked("Ana and Jo", format={"@misc": "spacy-slm-ner.TokenLines.v1"})
    assert proposed(request) == "Ana: B-NAME\nand: O\nJo: O\n."
    assert proposed(request, "Ana: O\n") == "and: O\nJo: O\n."
    assert proposed(request, "Ana: B-NAME\nand: I-NAME\n") == "Jo: O\n."


def test_windows_are_proposed_their_own_entities() -> None:
    first, *_, last = asked(f"{TEXT} {TEXT}", window=50, overlap=5)
    assert proposed(first).startswith("Ana: B-NAME\nMonday: B-DATE\n")
    assert "Monday: B-DATE\n" in proposed(last)


@pytest.mark.parametrize(
    ("cats", "expected"),
    [
        pytest.param({"cancel": 0.8, "inquiry": 0.2}, "intent: cancel\nAna: B-NAME\n.", id="known"),
        pytest.param({}, "", id="unknown"),
        pytest.param({"other": 1.0}, "", id="of-another-component"),
    ],
)
def test_an_intent_is_proposed_if_there_is_one(cats: dict[str, float], expected: str) -> None:
    [request] = asked("Ana comes", "inquiry", seen=cats, intents=["cancel", "inquiry"], cats=True)
    assert proposed(request) == expected
    assert proposed(request, "intent: inquiry\n") == "Ana: B-NAME\n."


@pytest.mark.parametrize("config", [{"draft": False}, {"constrained": False}])
def test_nothing_is_proposed_where_it_is_switched_off_or_not_checked(config: dict[str, Any]) -> None:
    [request] = asked(TEXT, **config)
    assert request.draft is None


def test_words_that_look_like_entities_are_doubted_where_no_component_has_looked() -> None:
    [request] = asked("Jo Lee on Friday.")
    assert request.draft is not None
    doubted = [word for word in ("Jo", "on", "4pm", "jo@lee", "Émile", "五月", "<TIME>") if request.draft.doubts(word)]
    assert doubted == ["Jo", "4pm", "jo@lee", "Émile", "<TIME>"]
    [request] = asked("Ana and Jo")
    assert request.draft is not None and not request.draft.doubts("Jo")
