"""Long texts in windows."""

from itertools import pairwise
from typing import Callable

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.batch.long_texts import cut_text
from spacy_slm_ner.batch.settings import BatchSettings
from spacy_slm_ner.batch.shard_annotator import ShardAnnotator


@given(st.text(st.sampled_from("ab \n😀"), max_size=300), st.integers(1, 60))
def test_pieces_cover_the_text_and_are_short_enough(text: str, size: int) -> None:
    pieces = cut_text(text, size)
    assert all(piece.end - piece.start <= size for piece in pieces)
    assert [pieces[0].first, pieces[-1].last] == [0, len(text)]
    assert all(left.last == right.first for left, right in pairwise(pieces))
    assert all(piece.start <= piece.first <= piece.last <= piece.end for piece in pieces)
    assert all(left.start < right.start for left, right in pairwise(pieces))


@pytest.mark.parametrize("size", [200, 333, 997])
def test_windows_find_what_the_whole_text_has(size: int, ruler: str, make_documents: Callable) -> None:
    text = "".join(f"Today Ada Quill wrote to Bo, clerk number {n}. " for n in range(60))
    (whole,), _ = ShardAnnotator(spacy.load(ruler), BatchSettings()).annotate(make_documents([text]))
    (cut,), _ = ShardAnnotator(spacy.load(ruler), BatchSettings(max_length=size)).annotate(make_documents([text]))
    assert cut["entities"] == whole["entities"]
    assert len(whole["entities"]) == 180
