from typing import Any

import pytest

from spacy_slm_ner.labels.names import is_name


@pytest.mark.parametrize(
    "name",
    [
        "DATE",
        "JOB TITLE",
        "a, b",
        "person/actor",
        "art: music",
        "<x>",
        "[1]",
        "a\\b",
        "日付",
        "می‌خواهم",
        "O",
        "a\u00a0b",
        "🤦🏽‍♂️",
    ],
)
def test_text_on_one_line_is_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", " ", " A", "A ", "A\u00a0", "\u3000A", "A\nB", "A\rB", "A\tB", "A\u2028B", "A\x85B", "\ud800", 7, None], ids=repr
)
def test_anything_else_is_none(name: Any) -> None:
    assert not is_name(name)
