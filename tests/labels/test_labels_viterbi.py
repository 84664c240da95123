"""BIO tags against all legal rows, one by one."""

import itertools
from typing import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import logsumexp

from spacy_slm_ner.labels import viterbi
from spacy_slm_ner.labels.transitions import Transitions
from spacy_slm_ner.labels.viterbi import best_rows, entities_of, find_entities, pad, tag_names

LOGIT = st.floats(-6, 6, width=32)


@st.composite
def scores(draw: st.DrawFn) -> list[NDArray]:
    """Logits of a few short texts."""
    tags = 1 + 2 * draw(st.integers(1, 2))
    lengths = draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    return [np.array(draw(st.lists(LOGIT, min_size=n * tags, max_size=n * tags))).reshape(n, tags) for n in lengths]


def legal_rows(tokens: int, tags: int) -> Iterator[tuple[int, ...]]:
    for row in itertools.product(range(tags), repeat=tokens):
        inside = [i for i, tag in enumerate(row) if tag and tag % 2 == 0]
        if all(i > 0 and row[i - 1] in (row[i], row[i] - 1) for i in inside):
            yield row


def kind(before: int, tag: int) -> str:
    if before == 0:
        return "begins" if tag else "outside"
    if tag == 0 or tag % 2 == 0:
        return "inside" if tag else "ends"
    return "again" if (before - 1) // 2 == (tag - 1) // 2 else "other"


TRANSITIONS = st.one_of(st.just(Transitions()), st.builds(Transitions, *[st.floats(-4, 4)] * 6))


@given(scores(), TRANSITIONS)
def test_the_best_row_and_the_probabilities_are_those_of_all_legal_rows(texts: list[NDArray], transitions: Transitions) -> None:
    for logits, found in zip(texts, find_entities(texts, transitions)):
        if not len(logits):
            assert found == []
            continue
        rows = list(legal_rows(*logits.shape))
        logs = logits - logsumexp(logits, axis=1, keepdims=True)
        sums = np.array([sum(logs[i, tag] for i, tag in enumerate(row)) for row in rows])
        sums += [sum(getattr(transitions, kind(*pair)) for pair in itertools.pairwise(row)) for row in rows]
        chances = np.exp(sums - logsumexp(sums))
        entities = [set(entities_of(np.array(row))) for row in rows]
        best = {number for number, total in enumerate(sums) if total > sums.max() - 1e-9}
        assert {one[:3] for one in found} in [entities[number] for number in best]
        for one in found:
            expected = sum(chance for chance, inside in zip(chances, entities) if one[:3] in inside)
            assert one.probability == pytest.approx(expected, abs=1e-9)


@given(scores(), TRANSITIONS)
def test_texts_do_not_change_each_other(texts: list[NDArray], transitions: Transitions) -> None:
    alone = [find_entities([one], transitions)[0] for one in texts]
    for together, single in zip(find_entities(texts, transitions), alone):
        assert [one[:3] for one in together] == [one[:3] for one in single]
        assert [one.probability for one in together] == pytest.approx([one.probability for one in single])


def test_small_batches_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [np.random.default_rng(n).normal(size=(n % 7, 5)) for n in range(30)]
    expected = find_entities(texts)
    monkeypatch.setattr(viterbi, "BATCH", 10)
    assert [[one[:3] for one in found] for found in find_entities(texts)] == [[one[:3] for one in found] for found in expected]


def test_an_inside_tag_that_opens_is_never_chosen() -> None:
    logits = np.array([[0.0, 1.0, 9.0], [0.0, 0.0, 9.0]])
    assert best_rows(pad([logits]), np.array([2]), Transitions()).tolist() == [[1, 2]]


def test_entities_that_touch_stay_apart() -> None:
    assert list(entities_of(np.array([1, 2, 1, 3, 4, 0]))) == [(0, 2, 0), (2, 3, 0), (3, 5, 1)]


def test_a_sure_tagger_is_sure_of_its_entity() -> None:
    (found,) = find_entities([np.array([[0, 0, 0], [0, 50, 0], [0, 0, 50], [50, 0, 0]], dtype=float)])
    assert [one[:3] for one in found] == [(1, 3, 0)] and found[0].probability == pytest.approx(1.0)


def test_a_long_text_with_unlikely_tags() -> None:
    """Products of its probabilities are too small for a number."""
    logits = np.zeros((5_000, 5))
    logits[::5, 0] = -300.0
    logits[:, 1] = 30.0
    found = find_entities([logits], Transitions(again=-2.0, inside=3.0))[0]
    assert len(found) > 100 and all(0.0 < one.probability <= 1.0 for one in found)


def test_names_of_tags() -> None:
    assert tag_names(["DATE", "TIME"]) == ["O", "B-DATE", "I-DATE", "B-TIME", "I-TIME"]
