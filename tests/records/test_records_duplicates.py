import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.records.duplicates import near_duplicates, shingles

ASSETS = Path(__file__).parents[2] / "assets"


def jaccard(left, right):
    return len(shingles(left) & shingles(right)) / len(shingles(left) | shingles(right))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abcdefg", {"abcde", "bcdef", "cdefg"}),
        ("ABC", {"abc"}),
        ("  a\n\tb  c ", {"a b c"}),
        ("O’Hara", {"o'har", "'hara"}),
        ("", {""}),
    ],
    ids=["long", "short", "white space", "folded", "empty"],
)
def test_shingles(text, expected):
    assert shingles(text) == expected


def test_pairs_come_once_in_the_order_of_the_later_text():
    texts = ["Can we move it to Friday?", "Nothing like it", "can we move it to  Friday?", "Can we move it to Friday ?"]
    pairs = list(near_duplicates(texts, 0.7))
    assert [pair[:2] for pair in pairs] == [(0, 2), (0, 3), (2, 3)]
    assert pairs[0].similarity == 1.0
    assert pairs[1].similarity == pairs[2].similarity == jaccard(texts[0], texts[3])


@given(st.lists(st.text("ab ", max_size=12), max_size=8))
def test_equal_texts_are_always_found(texts):
    found = {pair[:2] for pair in near_duplicates(texts, 1.0)}
    assert found == {(i, j) for i, j in combinations(range(len(texts)), 2) if shingles(texts[i]) == shingles(texts[j])}


def test_the_pairs_are_those_of_comparing_all_with_all():
    texts = [record["text"] for record in json.loads((ASSETS / "dev.json").read_text(encoding="utf8"))["dataset"][:40]]
    texts += [text.replace("e", "a", 2) for text in texts] + [f"{text} Thanks a lot!" for text in texts]
    expected = {(i, j) for i, j in combinations(range(len(texts)), 2) if jaccard(texts[i], texts[j]) >= 0.7}
    found = list(near_duplicates(texts, 0.7))
    assert all(pair.similarity == jaccard(texts[pair.first], texts[pair.second]) for pair in found)
    assert {pair[:2] for pair in found} <= expected
    # MinHash proposes a pair close to the threshold with high probability only
    assert len(found) >= 0.95 * len(expected) > 20


@pytest.mark.parametrize("texts", [[], ["one"], ["one text", "another one"]], ids=["none", "one", "different"])
def test_nothing_is_near_nothing(texts):
    assert list(near_duplicates(texts)) == []
