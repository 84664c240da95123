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


def near_duplicates(texts: Sequence[str], threshold: float = 0.7) -> Iterator[NearDuplicate]:
    """Find near-duplicates in about linear time.

    texts (Sequence[str]): The texts.
    threshold (float): Least Jaccard similarity. MinHash proposes the pairs, the similarity itself is exact.
    YIELDS (NearDuplicate): Pairs, each once, in the order of the later text.
    """
    index = MinHashLSH(threshold=threshold * 0.8, num_perm=PERMUTATIONS)
    sets = [shingles(text) for text in texts]
    for i, parts in enumerate(sets):
        signature = sketch(parts)
        for j in sorted(index.query(signature)):
            similarity = len(parts & sets[j]) / len(parts | sets[j])
            if similarity >= threshold:
                yield NearDuplicate(j, i, similarity)
        index.insert(i, signature)
