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
    """All runs of five characters of the folded text, white space squeezed; of a shorter text, the text itself."""
    squeezed = " ".join(fold(text).split())
    return frozenset(squeezed[i : i + SHINGLE] for i in range(max(len(squeezed) - SHINGLE + 1, 1)))


def sketch(parts: frozenset[str]) -> MinHash:
    result = MinHash(num_perm=PERMUTATIONS)
    result.update_batch([part.encode("utf8") for part in sorted(parts)])
    return result


class NearIndex:
    """Texts, among which near-duplicates of another text are found in about constant time.

    threshold (float): Least Jaccard similarity. MinHash proposes the pairs, the similarity itself is exact.
    """

    def __init__(self, threshold: float = 0.7) -> None:
        self.threshold = threshold
        self._sets: list[frozenset[str]] = []
        self._index = MinHashLSH(threshold=threshold * 0.8, num_perm=PERMUTATIONS)

    def near(self, text: str) -> list[NearDuplicate]:
        """Those of the texts that are nearly the same as another, in their order; `second` is the place that it would get."""
        parts = shingles(text)
        likeness = {j: len(parts & self._sets[j]) / len(parts | self._sets[j]) for j in sorted(self._index.query(sketch(parts)))}
        return [NearDuplicate(j, len(self._sets), value) for j, value in likeness.items() if value >= self.threshold]

    def add(self, text: str) -> None:
        """Take a text in."""
        parts = shingles(text)
        self._index.insert(len(self._sets), sketch(parts))
        self._sets.append(parts)


def near_duplicates(texts: Sequence[str], threshold: float = 0.7) -> Iterator[NearDuplicate]:
    """Find near-duplicates in about linear time.

    texts (Sequence[str]): The texts.
    threshold (float): See `NearIndex`.
    YIELDS (NearDuplicate): Pairs, each once, in the order of the later text.
    """
    index = NearIndex(threshold)
    for text in texts:
        yield from index.near(text)
        index.add(text)
