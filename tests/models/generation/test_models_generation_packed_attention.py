"""Which rows attend together, and that each attends as if it were alone."""

from itertools import combinations, pairwise
from typing import Optional

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from spacy_slm_ner.models.generation.batch_reader import StepInput
from spacy_slm_ner.models.generation.block_partition import best_partition
from spacy_slm_ner.models.generation.packed_attention import AttentionBlock, make_blocks

CPU = torch.device("cpu")
ROWS = st.lists(st.tuples(st.integers(1, 300), st.integers(0, 900)), min_size=1, max_size=40)


def rows_of(*counts: tuple[int, int]) -> list[StepInput]:
    """Rows that read a number of pieces behind another."""
    return [StepInput([0] * count, length, 1) for count, length in counts]


def area(block: AttentionBlock) -> int:
    """Products of queries and keys, padding included."""
    return block.shape[0] * block.shape[1] * block.width


@given(ROWS)
def test_blocks_hold_all_rows_in_order(counts: list[tuple[int, int]]) -> None:
    steps = rows_of(*counts)
    blocks = make_blocks(steps, CPU)
    assert [row for block in blocks for row in range(block.stored.start, block.stored.stop)] == list(range(len(steps)))
    assert [piece for block in blocks for piece in range(block.pieces.start, block.pieces.stop)] == list(
        range(sum(len(row.pieces) for row in steps))
    )
    places = [place for row in steps for place in range(row.length, row.length + len(row.pieces))]
    assert [place for block in blocks for place in block.positions.tolist()] == places


@given(ROWS)
def test_more_blocks_never_need_more_than_one(counts: list[tuple[int, int]]) -> None:
    steps = rows_of(*counts)
    assert sum(map(area, make_blocks(steps, CPU))) <= area(AttentionBlock(steps, 0, 0, CPU))


def cost_of(steps: list[StepInput], cuts: tuple[int, ...], call: int) -> int:
    parts = [steps[first:end] for first, end in pairwise((0, *cuts, len(steps)))]
    return sum(area(AttentionBlock(one, 0, 0, CPU)) + call for one in parts)


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=7), st.integers(0, 500))
def test_no_other_blocks_cost_less(counts: list[tuple[int, int]], call: int) -> None:
    steps = rows_of(*counts)
    queries = np.array([count for count, _ in counts])
    _, *cuts, rows = best_partition(queries, queries + [length for _, length in counts], call)
    others = (chosen for number in range(rows) for chosen in combinations(range(1, rows), number))
    assert cost_of(steps, tuple(cuts), call) == min(cost_of(steps, other, call) for other in others)


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [
        pytest.param([(1, 80)] * 50, [50], id="alike"),
        pytest.param([(1, 80)] * 20 + [(60, 48)] * 4, [20, 4], id="prompts-behind-rows-on-their-way"),
        pytest.param([(1, 900)] * 20 + [(1, 90)] * 20, [20, 20], id="long-and-short-texts"),
        pytest.param([(33, 117)] + [(1, 150)] * 60 + [(33, 117)], [1, 60, 1], id="proposals-at-both-ends"),
        pytest.param([(1, 2000)] + [(1, 99)] * 90 + [(1, 2000)], [1, 90, 1], id="long-texts-at-both-ends"),
        pytest.param([(2, 80), (1, 81), (3, 80)], [3], id="too-few-to-part"),
    ],
)
def test_rows_are_parted_where_it_pays(counts: list[tuple[int, int]], sizes: list[int]) -> None:
    assert [block.shape[0] for block in make_blocks(rows_of(*counts), CPU)] == sizes


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("shared", [1, 3])
def test_rows_attend_as_if_each_were_alone(window: Optional[int], shared: int) -> None:
    torch.manual_seed(0)
    steps = rows_of((1, 30), (1, 7), (4, 0), (9, 12))
    store = torch.randn(2, 6, 64, 2, 8)
    total = sum(len(row.pieces) for row in steps)
    query, key, value = torch.randn(total, 2 * shared, 8), torch.randn(total, 2, 8), torch.randn(total, 2, 8)
    expected, start = [], 0
    for number, row in enumerate(steps):
        mine = slice(start, start := start + len(row.pieces))
        keys, values = (torch.cat([part[number, : row.length], new[mine]]) for part, new in zip(store, (key, value)))
        distance = torch.arange(row.length, len(keys))[:, None] - torch.arange(len(keys))
        seen = (distance >= 0) & (distance < (window or 1000))
        heads = [part.repeat_interleave(shared, dim=1).transpose(0, 1) for part in (keys, values)]
        expected.append(
            functional.scaled_dot_product_attention(query[mine].transpose(0, 1), *heads, attn_mask=seen).transpose(0, 1)
        )
    for blocks in (
        [AttentionBlock(steps, 0, 0, CPU)],
        [AttentionBlock(steps[:2], 0, 0, CPU), AttentionBlock(steps[2:], 2, 2, CPU)],
    ):
        found = torch.cat([block.attend(query, key, value, store, None, window) for block in blocks])
        torch.testing.assert_close(found, torch.cat(expected))
