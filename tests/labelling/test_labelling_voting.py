from typing import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.labelling.labelling import Labelling
from spacy_slm_ner.labelling.voting import vote
from spacy_slm_ner.types import ScoredSpan, Span


def found(*spans: tuple[int, int, str], intent: str | None = None, problems: Sequence[str] = ()) -> Labelling:
    return Labelling(tuple(ScoredSpan(Span(*span), None) for span in spans), intent, tuple(problems))


ADA, ADA_QUILL, JOB = (0, 3, "NAME"), (0, 9, "NAME"), (0, 3, "JOB TITLE")


def test_one_pass_is_taken_as_it_is() -> None:
    alone = Labelling((ScoredSpan(Span(*ADA), 0.25),), "hire", ("cut off",), ("inexact",))
    assert vote([alone]) is alone


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        pytest.param([found(ADA), found(ADA), found()], [(ADA, 0.6667)], id="two-of-three"),
        pytest.param([found(ADA), found()], [], id="half-is-too-few"),
        pytest.param([found(ADA), found(ADA_QUILL), found(ADA_QUILL)], [(ADA_QUILL, 0.6667)], id="another-end-is-another-entity"),
        pytest.param([found(ADA), found(JOB), found(JOB)], [(JOB, 0.6667)], id="another-label-is-another-entity"),
        pytest.param([found(), found()], [], id="nothing"),
        pytest.param([found(ADA)] * 4, [(ADA, 1.0)], id="all"),
    ],
)
def test_an_entity_needs_more_than_half_of_the_votes(passes: list[Labelling], expected: list) -> None:
    assert [(tuple(span), score) for span, score in vote(passes).entities] == expected


@pytest.mark.parametrize(
    ("intents", "expected"),
    [(["hire", "hire", "fire"], "hire"), (["hire", "fire"], None), ([None, None, "hire"], None), (["hire", None], None)],
)
def test_an_intent_needs_more_than_half_of_the_votes(intents: list[str | None], expected: str | None) -> None:
    assert vote([found(intent=intent) for intent in intents]).intent == expected


def test_problems_of_few_passes_are_remarks() -> None:
    few = vote([found(ADA, problems=["no answer: down"]), found(ADA), found(ADA)])
    assert (few.problems, few.remarks) == ((), ("pass 1: no answer: down",))
    half = vote([found(problems=["no answer: down"]), found(ADA)])
    assert (half.problems, half.remarks) == (("pass 1: no answer: down",), ())


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4), st.sampled_from("AB"))), min_size=2, max_size=7))
def test_the_winners_never_overlap(drawn: list[list[tuple[int, int, str]]]) -> None:
    passes = []
    for spans in drawn:
        kept: list[Span] = []
        for start, length, label in spans:
            new = Span(start, start + length, label)
            if not any(new.overlaps(one) for one in kept):
                kept.append(new)
        passes.append(found(*kept))
    winners = [one.span for one in vote(passes).entities]
    assert not any(one.overlaps(other) for i, one in enumerate(winners) for other in winners[:i])
    assert winners == sorted(winners)
