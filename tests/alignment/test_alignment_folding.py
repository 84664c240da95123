import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.alignment import fold


def test_every_character_of_unicode_folds_to_one_character():
    # surrogates included: they get into a text by a JSON escape such as "\ud83d"
    longer = [hex(code) for code in range(sys.maxunicode + 1) if len(fold(chr(code))) != 1]
    assert longer == []


@given(st.text(st.characters()), st.text(st.characters()))
def test_an_offset_into_the_folded_text_is_one_into_the_text(left, right):
    assert fold(left + right)[len(left) :] == fold(right)


@given(st.text(st.characters()))
def test_folding_twice_changes_nothing_more(text):
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(codec="ascii")))
def test_case_does_not_matter(text):
    assert fold(text.upper()) == fold(text.lower()) == fold(text)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        pytest.param("İstanbul", "İstanbul", id="dotted I, whose lower case has two characters"),
        pytest.param("Straße", "straße", id="sharp s, whose case-folded form has two characters"),
        pytest.param("Jose\u0301", "jose\u0301", id="combining mark"),
        pytest.param("ΟΔΟΣ οδός", "οδοσ οδόσ", id="final sigma"),
        pytest.param("O’Brien ‘x‘ `y´ z′", "o'brien 'x' 'y' z'", id="single quotes"),
        pytest.param("“x” „y‟ ″", '"x" "y" "', id="double quotes"),
        pytest.param("9–11 9—11 9−11 9‑11", "9-11 9-11 9-11 9-11", id="dashes"),
        pytest.param("4\u00a0pm\u2009x\u3000y\nz\tw", "4 pm x y z w", id="kinds of space"),
        pytest.param("👨‍👩‍👧 星期五 יום", "👨‍👩‍👧 星期五 יום", id="emoji, Chinese, Hebrew"),
    ],
)
def test_folding(text, folded):
    assert fold(text) == folded
