"""The cheapest partition of a row of sequences into blocks that are computed with padding.

A block of the sequences `first` to `end - 1` costs `call + (end - first) * max(queries) * max(keys)`, both maxima over the block.
So with `least[0] = 0`, the least cost of the first `end` sequences is

    least[end] = call + min over first < end of (least[first] + (end - first) * max(queries[first:end]) * max(keys[first:end]))

An example with `call = 100`, and three sequences of 1, 1 and 50 queries over 10, 10 and 50 keys:

    least[1] = 100 + 1 * 1 * 10 = 110
    least[2] = 100 + 2 * 1 * 10 = 120                  one block is cheaper than 110 + 110
    least[3] = 120 + 100 + 1 * 50 * 50 = 2,720         a block of its own, as one of all would cost 100 + 3 * 50 * 50 = 7,600

and the edges of the best partition are 0, 2 and 3.
"""

import numpy as np
from numpy.typing import NDArray


def best_partition(queries: NDArray[np.int64], keys: NDArray[np.int64], call: int) -> list[int]:
    """Find the partition with the fewest products of queries and keys, padding included.

    queries (NDArray[np.int64]): Number of queries of each sequence. Shape: (sequences,).
    keys (NDArray[np.int64]): Number of keys. Shape: (sequences,).
    call (int): Cost of a block beside its products.
    RETURNS (list[int]): First sequence of each block, and the number of sequences.
    """
    count = len(queries)
    if count * queries.max() * keys.max() <= call:
        return [0, count]
    # By the first sequence of the last block: its most queries and keys. By its end: the least cost, and the best first sequence.
    most_queries, most_keys, least, best_start = (np.zeros(count + 1, dtype=np.int64) for _ in range(4))
    sizes = np.arange(count, 0, -1)  # the last `end` of them are those of the blocks that end there
    for end in range(1, count + 1):
        np.maximum(most_queries[:end], queries[end - 1], out=most_queries[:end])
        np.maximum(most_keys[:end], keys[end - 1], out=most_keys[:end])
        costs = least[:end] + sizes[count - end :] * most_queries[:end] * most_keys[:end]
        best_start[end] = costs.argmin()
        least[end] = costs[best_start[end]] + call
    return edges_of(best_start)


def edges_of(best_start: NDArray[np.int64]) -> list[int]:
    """Follow the best starts back from the last block to the first."""
    edges = [len(best_start) - 1]
    while edges[-1]:
        edges.append(int(best_start[edges[-1]]))
    return edges[::-1]
