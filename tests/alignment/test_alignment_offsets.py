"""Offsets as other programs count them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.alignment.offsets import Offsets, offset_table

ENCODINGS = {"utf16": ("utf-16-le", 2), "byte": ("utf8", 1)}


@given(st.text(), st.sampled_from(["codepoint", "utf16", "byte"]))
def test_a_table_has_the_length_of_every_prefix(text: str, offsets: Offsets) -> None:
    encoding, width = ENCODINGS.get(offsets, ("utf-32-le", 4))
    expected = [len(text[:end].encode(encoding)) // width for end in range(len(text) + 1)]
    assert list(offset_table(text, offsets)) == expected


@pytest.mark.parametrize(("offsets", "expected"), [("codepoint", 4), ("utf16", 5), ("byte", 8)])
def test_an_emoji_and_a_combining_mark(offsets: Offsets, expected: int) -> None:
    assert offset_table("😀e\u0301a", offsets)[-1] == expected
