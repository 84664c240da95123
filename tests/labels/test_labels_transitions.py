"""What is counted of the tags of training texts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.labels.transitions import Transitions, count_transitions, kinds_of_pairs

ROWS = st.lists(st.lists(st.integers(-1, 6), max_size=8).map(np.array), max_size=5)


@pytest.mark.parametrize(
    ("before", "tag", "kind"),
    [
        pytest.param(0, 0, "outside", id="O-O"),
        pytest.param(0, 3, "begins", id="O-B"),
        pytest.param(1, 0, "ends", id="B-O"),
        pytest.param(2, 0, "ends", id="I-O"),
        pytest.param(1, 2, "inside", id="B-I"),
        pytest.param(4, 4, "inside", id="I-I"),
        pytest.param(1, 1, "again", id="B-B"),
        pytest.param(4, 3, "again", id="I-B"),
        pytest.param(2, 3, "other", id="I-B-of-other"),
        pytest.param(5, 1, "other", id="B-B-of-other"),
    ],
)
def test_kinds(before: int, tag: int, kind: str) -> None:
    assert Transitions._fields[kinds_of_pairs(np.array([before]), np.array([tag]))[0]] == kind


@given(ROWS, st.integers(3, 5))
def test_any_rows_give_finite_numbers(rows: list, labels: int) -> None:
    assert all(np.isfinite(count_transitions([row.astype(int) for row in rows], labels)))


def test_what_follows_often_gains_and_what_never_does_loses() -> None:
    rows = [np.array([0, 0, 1, 2, 2, 0, 3, 0, 0])] * 20
    found = count_transitions(rows, 2)
    assert found.inside > 0 > found.again and found.other < 0
    assert found.times(0.0) == Transitions() and found.times(2.0).inside == 2 * found.inside


def test_the_numbers_by_hand() -> None:
    """Six tokens: three `O`, two `B-`, one `I-`; of pairs, one of each kind but `again`."""
    found = count_transitions([np.array([0, 0, 1, 2, 3, 0])], 2)
    expected = {
        "outside": (1.5 / 3) / (3.5 / 7.5),
        "begins": (1.5 / 3) / (2.5 / 7.5),
        "ends": (1.5 / 5) / (3.5 / 7.5),
        "inside": (1.5 / 5) / (1.5 / 2 / 7.5),
        "again": (0.5 / 5) / (2.5 / 2 / 7.5),
        "other": (1.5 / 5) / (2.5 / 2 / 7.5),
    }
    assert found._asdict() == pytest.approx({name: np.log(value) for name, value in expected.items()})


def test_unknown_tags_are_in_no_pair() -> None:
    assert count_transitions([np.array([0, -1, 1, 2])], 1) == count_transitions([np.array([0]), np.array([1, 2])], 1)
