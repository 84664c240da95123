"""A loop for one call."""

import asyncio
import threading

import pytest

from spacy_slm_ner.endpoints.own_loop import run_in_own_loop


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


def test_the_result_comes_back_and_nothing_stays_alive() -> None:
    before = threading.active_count()
    assert run_in_own_loop(double(3)) == 6
    assert threading.active_count() == before


def test_it_works_inside_a_loop() -> None:
    async def outer() -> int:
        return run_in_own_loop(double(4))

    assert asyncio.run(outer()) == 8


def test_an_error_comes_back() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_in_own_loop(fail())
