"""Where the text of an entity may occur earlier."""

import pytest
from format_docs import docs
from hypothesis import given
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_slm_ner.formats.quoted_tokens import TokenRanges


@pytest.mark.parametrize(
    ("words", "start", "end", "position", "token"),
    [
        pytest.param(["May", "4", "or", "May", "5"], 3, 4, 0, 0, id="earlier"),
        pytest.param(["May", "4", "or", "May", "5"], 3, 5, 0, None, id="not-with-what-follows"),
        pytest.param(["May", "4", "or", "May", "5"], 3, 4, 1, None, id="before-the-position"),
        pytest.param(["or", "maybe", "so", "be"], 3, 4, 0, 2, id="within-a-word"),
        pytest.param(["é", "e\u0301", "é"], 2, 3, 0, 0, id="accents"),
        pytest.param(["So"], 0, 1, 0, None, id="alone"),
    ],
)
def test_the_first_token_at_an_earlier_place(words: list[str], start: int, end: int, position: int, token: int | None) -> None:
    assert TokenRanges.from_doc(Doc(Vocab(), words=words)).earlier(start, end, position) == token


@given(docs())
def test_no_range_before_it_has_the_text_of_the_entity_or_of_a_longer_one(doc: Doc) -> None:
    ranges = TokenRanges.from_doc(doc)
    for start in range(len(doc)):
        for position in range(start + 1):
            first = ranges.earlier(start, start + 1, position)
            for end in range(start + 1, len(doc) + 1):
                places = ranges.occurrences(ranges.string(start, end), ranges.starts[position])
                assert all(place >= (start if first is None else first) for place, _ in places)
