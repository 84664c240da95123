"""Records to train, dev and test, such that nothing of one part is known from another."""

import hashlib
from collections import defaultdict
from typing import Iterable, NamedTuple, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from spacy.tokens import Doc

from .duplicates import near_duplicates

SPLITS = ("train", "dev", "test")
# A group that is larger than this part of the texts would decide alone what dev or test is like, so it goes to train.
LARGE = 0.05


class Split(NamedTuple):
    """Where each text goes.

    parts (tuple[str, ...]): One of `SPLITS` for each text.
    groups (int): Number of groups that stay together.
    largest (int): Number of texts in the largest.
    """

    parts: tuple[str, ...]
    groups: int
    largest: int


def split(docs: Sequence[Doc], dev: float, test: float, disjoint: Sequence[str] = (), similarity: float = 0.7) -> Split:
    """Split texts.

    Near-duplicates stay together, and so do texts that share an entity of certain labels. A group goes where the hash of its
    content says, so the same text goes to the same part again when others are added, as long as its group stays the same.

    docs (Sequence[Doc]): With gold entities.
    dev (float): Share of the development set.
    test (float): Share of the test set.
    disjoint (Sequence[str]): Labels whose strings must not occur in two parts.
    similarity (float): Jaccard similarity from which two texts are near-duplicates.
    RETURNS (Split): The parts.
    RAISES (ValueError): If the shares leave nothing to train on.
    """
    if min(dev, test) < 0 or dev + test >= 1:
        raise ValueError(f"Got the shares dev = {dev} and test = {test}. Allowed are 0 or more, together less than 1.")
    texts = [doc.text for doc in docs]
    pairs = [(pair.first, pair.second) for pair in near_duplicates(texts, similarity)]
    pairs += same_strings(docs, disjoint)
    owners = groups_of(len(docs), pairs)
    sizes = np.bincount(owners, minlength=1)
    seeds = {owner: min(content_hash(texts[i]) for i in np.flatnonzero(owners == owner)) for owner in set(owners.tolist())}
    parts = [
        "train" if sizes[owner] > max(LARGE * len(docs), 2) else part_of(seeds[owner], dev, test) for owner in owners.tolist()
    ]
    return Split(tuple(parts), len(seeds), int(sizes.max()))


def same_strings(docs: Sequence[Doc], labels: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Pairs of texts that share an entity of some labels, each text with the first that has it."""
    first: dict[tuple[str, str], int] = {}
    for i, doc in enumerate(docs):
        for ent in doc.ents:
            if ent.label_ in labels:
                yield first.setdefault((ent.label_, ent.text.casefold()), i), i


def groups_of(number: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Connected components. RETURNS (np.ndarray): Number of the group of each text."""
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(number, number))
    owners: np.ndarray = connected_components(graph, directed=False)[1]
    return owners


def content_hash(text: str) -> float:
    """A number from 0 to below 1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode("utf8")).digest()[:8], "big") / 2**64


def part_of(value: float, dev: float, test: float) -> str:
    return "test" if value < test else "dev" if value < test + dev else "train"


def crossings(docs: Sequence[Doc], parts: Sequence[str], disjoint: Sequence[str]) -> dict[str, set[str]]:
    """Strings of some labels that occur in more than one part, by label; empty after `split`."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for doc, part in zip(docs, parts):
        for ent in doc.ents:
            if ent.label_ in disjoint:
                seen[ent.label_, ent.text.casefold()].add(part)
    found: dict[str, set[str]] = defaultdict(set)
    for (label, string), where in seen.items():
        if len(where) > 1:
            found[label].add(string)
    return dict(found)
