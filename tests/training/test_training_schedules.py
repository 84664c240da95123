import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thinc.api import Adam

from spacy_slm_ner.training.schedules import cosine


def rates(count: int, *settings: float) -> list[float]:
    return list(islice(cosine(*settings), count))  # type: ignore[arg-type]


def test_the_warm_up_is_a_line_up_to_the_initial_rate() -> None:
    assert rates(5, 1.0, 10, 4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


def test_without_warm_up_the_first_rate_is_the_initial_one() -> None:
    assert rates(1, 0.3, 10) == [0.3]


def test_the_rates_after_the_warm_up_are_half_a_cosine() -> None:
    expected = [(1 + math.cos(math.pi * step / 4)) / 2 for step in range(5)]
    assert rates(7, 1.0, 7, 2)[2:] == pytest.approx(expected)
    assert rates(5, 1.0, 5)[2] == pytest.approx(0.5)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_the_last_step_and_all_after_it_have_the_final_rate(final: float) -> None:
    found = rates(30, 1.0, 10, 2, final)
    assert found[9:] == pytest.approx([final] * 21)
    assert found[8] > final


@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (1, 1), (2, 1), (2, 2), (3, 0)])
def test_short_schedules_end_too(total: int, warmup: int) -> None:
    found = rates(total + 2, 1.0, total, warmup)
    assert all(0 <= rate <= 1 for rate in found)
    assert found[total:] == [0.0, 0.0]


@given(st.floats(1e-6, 10), st.integers(2, 300), st.data())
def test_rates_never_rise_after_the_warm_up(initial: float, total: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, total))
    found = rates(total + 3, initial, total, warmup)
    assert max(found) <= initial * (1 + 1e-9)
    assert min(found) >= 0
    assert found[:warmup] == sorted(found[:warmup])
    assert found[warmup:] == sorted(found[warmup:], reverse=True)


@pytest.mark.parametrize(("total", "warmup"), [(0, 0), (-1, 0), (0, 2), (10, -1)])
def test_steps_that_make_no_schedule_are_an_error_at_once(total: int, warmup: int) -> None:
    with pytest.raises(ValueError, match=rf"Got warmup_steps = {warmup} of total_steps = {total}\. Allowed are at least"):
        cosine(1.0, total, warmup)


def test_a_warm_up_longer_than_the_schedule_is_followed_by_the_final_rate() -> None:
    assert rates(7, 1.0, 3, 5, 0.1) == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 0.1, 0.1])


def test_an_optimizer_follows_the_schedule() -> None:
    optimizer = Adam(cosine(1.0, 4, 1))
    found = []
    for _ in range(6):
        found.append(optimizer.learn_rate)
        optimizer.step_schedules()
    assert found == pytest.approx(rates(6, 1.0, 4, 1))


def test_two_schedules_do_not_share_their_steps() -> None:
    first, second = iter(cosine(1.0, 5)), iter(cosine(1.0, 5))
    next(first), next(first)
    assert next(second) == 1.0
