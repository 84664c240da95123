"""Texts in one row, whose prompts are read once."""

from typing import Any, Optional

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_slm_ner.models.generation import packed_texts
from spacy_slm_ner.models.generation.packed_texts import PackedTexts

HEADS, KEY_HEADS, SIZE = 4, 2, 8
# Texts as numbers of pieces: of the prompt, of which there are three, and of the rest.
TEXTS = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=6)
PROMPTS = [[1], [2, 3, 4], [2, 3, 5, 6]]


def pack(texts: list[tuple[int, int]]) -> PackedTexts:
    sequences = [[*PROMPTS[prompt], *range(10, 10 + size)] for prompt, size in texts]
    return PackedTexts(sequences, [len(PROMPTS[prompt]) for prompt, _ in texts])


def states(pieces: list[int], positions: list[int], heads: int, seed: int) -> torch.Tensor:
    """States that depend on a piece and its position alone, as those of shared pieces do."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(64, 32, heads, SIZE, generator=generator)
    return table[pieces, positions].transpose(0, 1)[None]


def plain(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, window: Optional[int]) -> torch.Tensor:
    """Causal attention of one text. Shapes: (1, heads, pieces, head size) -> (pieces, heads, head size)."""
    key, value = (part.repeat_interleave(HEADS // KEY_HEADS, dim=1) for part in (key, value))
    scores = query[0] @ key[0].transpose(1, 2) * 0.3
    places = torch.arange(scores.shape[-1])
    distance = places[:, None] - places
    scores[:, (distance < 0) | (distance >= (window or 1000))] = -torch.inf
    return (scores.softmax(-1) @ value[0]).transpose(0, 1)


@pytest.mark.parametrize("large", [0, 10**6], ids=["fused", "plain"])
@settings(max_examples=40, deadline=None)
@given(texts=TEXTS, window=st.one_of(st.none(), st.integers(1, 6)), behind=st.integers(0, 3))
def test_each_piece_attends_to_its_own_text_alone(
    large: int, texts: list[tuple[int, int]], window: Optional[int], behind: int
) -> None:
    packed = pack(texts)
    count = len(packed.pieces)
    packed.fill(count + behind)
    parts = [states(packed.pieces, packed.positions, heads, seed) for seed, heads in enumerate((HEADS, KEY_HEADS, KEY_HEADS))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_texts, "LARGE", large)
        found = packed.attend(0, *parts, 0.3, window)[0]
    for text, (prompt, size) in enumerate(texts):
        pieces = [*PROMPTS[prompt], *range(10, 10 + size)]
        alone = [
            states(pieces, list(range(len(pieces))), heads, seed) for seed, heads in enumerate((HEADS, KEY_HEADS, KEY_HEADS))
        ]
        places = [packed.place(text, column) for column in range(len(pieces))]
        assert [packed.pieces[place] for place in places] == pieces
        torch.testing.assert_close(found[places], plain(*alone, window))


@given(texts=TEXTS, window=st.one_of(st.none(), st.integers(1, 6)))
@settings(max_examples=40, deadline=None)
def test_one_call_for_the_whole_row_finds_the_same(texts: list[tuple[int, int]], window: Optional[int]) -> None:
    packed = pack(texts)
    parts = [states(packed.pieces, packed.positions, heads, seed) for seed, heads in enumerate((HEADS, KEY_HEADS, KEY_HEADS))]
    whole = packed._as_whole(*parts, 0.3, window).transpose(1, 2)
    torch.testing.assert_close(whole, packed.attend(0, *parts, 0.3, window))


def test_a_prompt_stands_in_the_row_once() -> None:
    packed = pack([(1, 4), (1, 2), (0, 3), (1, 1)])
    assert len(packed.pieces) == 3 + 4 + 2 + 1 + 3 + 1
    assert packed.positions == [0, 1, 2, 3, 4, 5, 6, 3, 4, 0, 1, 2, 3, 3]


def test_bf16_attends_in_fp32_and_comes_back() -> None:
    packed = pack([(1, 4), (0, 2)])
    parts: Any = [states(packed.pieces, packed.positions, heads, 0).bfloat16() for heads in (HEADS, KEY_HEADS, KEY_HEADS)]
    found = packed.attend(0, *parts, None, None)
    expected = packed.attend(0, *(part.float() for part in parts), None, None)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found, expected.bfloat16())
