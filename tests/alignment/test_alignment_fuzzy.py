from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.alignment.fuzzy import FuzzySearch, blank, lower

WORDS = st.lists(st.text("abcdeéİß", min_size=1, max_size=6), min_size=1, max_size=8)


def search_of(words: list[str]) -> FuzzySearch:
    text, starts, ends = " ".join(words), [], []
    for word in words:
        starts.append(ends[-1] + 1 if ends else 0)
        ends.append(starts[-1] + len(word))
    return FuzzySearch(text, starts, ends)


@given(WORDS, st.integers(0, 7), st.integers(1, 3))
def test_words_that_are_there_are_found_without_a_change(words: list[str], start: int, length: int) -> None:
    start = start % len(words)
    wanted = " ".join(words[start : start + length])
    place = search_of(words).find(wanted, 0.9)
    if len(wanted.strip()) >= 4:
        assert place is not None and place.similarity >= 0.9


@given(WORDS, st.text("abcde ", max_size=8), st.floats(0.3, 1.0))
def test_what_is_found_is_as_alike_as_is_said(words: list[str], wanted: str, least: float) -> None:
    place = search_of(words).find(wanted, least)
    assert place is None or (0 <= place.start < place.end <= len(words) and place.similarity >= least)


def test_what_is_taken_is_not_found() -> None:
    search = search_of(["Varga", "and", "Vargo"])
    assert search.find("Vargu", 0.8, [(0, 5)]) == (2, 3, 0.8)
    assert search.find("Vargu", 0.8, [(0, 5), (10, 15)]) is None


@given(st.text())
def test_places_stay_when_a_text_is_lowered(text: str) -> None:
    assert len(lower(text)) == len(text)
    assert blank(text, [(0, min(2, len(text)))])[2:] == text[2:]
