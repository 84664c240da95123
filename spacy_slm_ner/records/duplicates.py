"""Near-duplicate texts, by MinHash (Broder 1997) over character shingles."""

from typing import Iterator, NamedTuple, Sequence

from datasketch import MinHash, MinHashLSH

from ..alignment import fold

SHINGLE = 5
PERMUTATIONS = 128


class NearDuplicate(NamedTuple):
    """Two texts that are nearly the same.

    first (int): Position of the earlier text.
    second (int): Position of the later one.
    similarity (float): Jaccard similarity of their sets of shingles.
    """

    first: int
    second: int
    similarity: float


def shingles(text: str) -> frozenset[str]:
    """Return all runs of five characters of the folded text, white space squeezed; for a shorter text, the text itself."""
    squeezed = " ".join(fold(text).split())
    return frozenset(squeezed[i : i + SHINGLE] for i in range(max(len(squeezed) - SHINGLE + 1, 1)))


def sketch(elements: frozenset[str]) -> MinHash:
    """Compute the MinHash of a set."""
    result = MinHash(num_perm=PERMUTATIONS)
    result.update_batch([element.encode("utf8") for element in sorted(elements)])
    return result


class NearIndex:
    """Index of texts that finds the near-duplicates of a text in about constant time.

    threshold (float): Least Jaccard similarity. MinHash proposes the pairs; their similarity is exact.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        self.threshold = threshold
        self._sets: list[frozenset[str]] = []
        self._index = MinHashLSH(threshold=threshold * 0.8, num_perm=PERMUTATIONS)

    def near(self, text: str) -> list[NearDuplicate]:
        """Return the near-duplicates of a text, in the order of the index; `second` is the position that the text would get."""
        new = shingles(text)
        similarity = {j: len(new & self._sets[j]) / len(new | self._sets[j]) for j in sorted(self._index.query(sketch(new)))}
        return [NearDuplicate(j, len(self._sets), value) for j, value in similarity.items() if value >= self.threshold]

    def add(self, text: str) -> None:
        """Add a text."""
        new = shingles(text)
        self._index.insert(len(self._sets), sketch(new))
        self._sets.append(new)


def near_duplicates(texts: Sequence[str], threshold: float = 0.7) -> Iterator[NearDuplicate]:
    """Find near-duplicates in about linear time.

    texts (Sequence[str]): The texts.
    threshold (float): See `NearIndex`.
    YIELDS (NearDuplicate): Each pair once, in the order of the later text.
    """
    index = NearIndex(threshold)
    for text in texts:
        yield from index.near(text)
        index.add(text)
