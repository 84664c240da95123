"""Docs as batches of windows."""

from itertools import pairwise

import numpy as np
from encoder_cases import docs
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_slm_ner.models.encoding.encoder_input import batch_edges
from spacy_slm_ner.models.encoding.text_tokenizer import token_ranges


@given(st.lists(st.integers(1, 60), max_size=40).map(sorted), st.integers(1, 300), st.integers(0, 100))
def test_batches_are_bounded_and_have_little_padding(lengths: list[int], most: int, call: int) -> None:
    edges = batch_edges(lengths, most, call)
    assert edges[0] == 0 and edges[-1] == len(lengths) and edges == sorted(set(edges))
    for first, after in pairwise(edges):
        batch = lengths[first:after]
        assert len(batch) == 1 or len(batch) * batch[-1] <= most
        assert len(batch) * batch[-1] - sum(batch) <= call
        # The next window would have been too much.
        if after < len(lengths):
            longer = [*batch, lengths[after]]
            padded = len(longer) * longer[-1]
            assert padded > most or padded - sum(longer) > call


def test_tokens_of_texts_laid_end_to_end() -> None:
    read = docs()
    tokens = token_ranges(read)
    whole = "".join(token.text_with_ws for doc in read for token in doc)
    assert [whole[slice(*place)] for place in tokens.characters.tolist()] == [token.text for doc in read for token in doc]
    assert tokens.counts.tolist() == [len(doc) for doc in read]
    starts = [tokens.firsts[number] for number, doc in enumerate(read) for _ in doc]
    assert (tokens.characters[:, 0] - starts).tolist() == [token.idx for doc in read for token in doc]
    parts: list = [read[0][2:4], read[3][:0], read[4][1:]]
    tokens = token_ranges(parts)
    whole = "".join(token.text_with_ws for part in parts for token in part)
    assert [whole[slice(*place)] for place in tokens.characters.tolist()] == [token.text for part in parts for token in part]


def test_no_tokens() -> None:
    for nothing in ([], [Doc(docs()[0].vocab)]):
        tokens = token_ranges(nothing)
        assert tokens.characters.shape == (0, 2) and np.array_equal(tokens.counts, [0] * len(nothing))
