from typing import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_slm_ner.records.duplicates import near_duplicates
from spacy_slm_ner.records.split import SPLITS, crossings, split

VOCAB = Vocab()
NAMES = [f"Name{i}" for i in range(40)]


def doc_of(words: Sequence[str], names: Sequence[str] = ()) -> Doc:
    doc = Doc(VOCAB, words=[*words, *names])
    doc.ents = [doc.char_span(doc[i].idx, doc[i].idx + len(doc[i]), "NAME") for i in range(len(words), len(doc))]
    return doc


def many(number: int, step: int = 1) -> list[Doc]:
    return [doc_of([f"word{i * 7 + k}" for k in range(6)], [NAMES[(i // step) % len(NAMES)]]) for i in range(number)]


def test_shares_are_about_kept() -> None:
    splits = split(many(600), dev=0.15, test=0.25).splits
    assert splits.count("test") == pytest.approx(150, abs=35)
    assert splits.count("dev") == pytest.approx(90, abs=30)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=1, max_size=40))
@settings(deadline=None)
def test_no_entity_and_no_near_duplicate_crosses(rows: list[tuple[int, int]]) -> None:
    docs = [doc_of([f"word{text}{k}" for k in range(5)], [NAMES[name]]) for text, name in rows]
    splits = split(docs, dev=0.3, test=0.3, disjoint=["NAME"]).splits
    assert set(splits) <= set(SPLITS)
    assert crossings(docs, splits, ["NAME"]) == {}
    assert all(splits[pair.first] == splits[pair.second] for pair in near_duplicates([doc.text for doc in docs]))


def test_other_labels_may_cross() -> None:
    docs = many(200)
    assert crossings(docs, split(docs, 0.2, 0.2).splits, ["NAME"]) != {}
    assert crossings(docs, split(docs, 0.2, 0.2, disjoint=["NAME"]).splits, ["NAME"]) == {}


def test_a_text_stays_where_it_is_when_others_come() -> None:
    docs = many(300)
    assert split(docs[:200], 0.2, 0.2).splits == split(docs, 0.2, 0.2).splits[:200]


def test_a_large_group_goes_to_train() -> None:
    found = split([doc_of(["same", "words", "again", "and", "again", str(i)], ["Bo"]) for i in range(100)], 0.3, 0.3, ["NAME"])
    assert set(found.splits) == {"train"} and (found.groups, found.largest) == (1, 100)


@pytest.mark.parametrize(("dev", "test"), [(0.5, 0.5), (-0.1, 0.2), (1.0, 0.0)])
def test_shares_that_leave_nothing_are_refused(dev: float, test: float) -> None:
    with pytest.raises(ValueError, match="Got the shares dev"):
        split(many(3), dev, test)
