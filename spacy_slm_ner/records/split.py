"""Split of records into train, dev and test sets that share no near-duplicates and no entities."""

import hashlib
from collections import defaultdict
from typing import Iterable, NamedTuple, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from spacy.tokens import Doc

from .duplicates import near_duplicates

SPLITS = ("train", "dev", "test")
# A group with a larger share of the texts would dominate dev or test, so it goes to train.
MAX_SHARE = 0.05


class Assignment(NamedTuple):
    """Assignment of texts to splits.

    splits (tuple[str, ...]): One of `SPLITS` for each text.
    groups (int): Number of groups of texts that stay together.
    largest (int): Number of texts in the largest group.
    """

    splits: tuple[str, ...]
    groups: int
    largest: int


def split(docs: Sequence[Doc], dev: float, test: float, disjoint: Sequence[str] = (), similarity: float = 0.7) -> Assignment:
    """Split texts into train, dev and test.

    Near-duplicates stay together, and so do texts that share an entity of certain labels. The hash of its content decides on the
    split of a group, so a text gets the same split again when others are added, as long as its group stays the same.

    docs (Sequence[Doc]): Texts with gold entities.
    dev (float): Share of the development set.
    test (float): Share of the test set.
    disjoint (Sequence[str]): Labels whose strings must not occur in two splits.
    similarity (float): Jaccard similarity from which two texts are near-duplicates.
    RETURNS (Assignment): The split of each text.
    RAISES (ValueError): If the shares leave nothing to train on.
    """
    if min(dev, test) < 0 or dev + test >= 1:
        raise ValueError(f"Got the shares dev = {dev} and test = {test}. Allowed are 0 or more, together less than 1.")
    texts = [doc.text for doc in docs]
    pairs = [(pair.first, pair.second) for pair in near_duplicates(texts, similarity)]
    pairs += same_strings(docs, disjoint)
    groups = groups_of(len(docs), pairs)
    sizes = np.bincount(groups, minlength=1)
    hashes = {group: min(content_hash(texts[i]) for i in np.flatnonzero(groups == group)) for group in set(groups.tolist())}
    splits = [
        "train" if sizes[group] > max(MAX_SHARE * len(docs), 2) else split_of(hashes[group], dev, test)
        for group in groups.tolist()
    ]
    return Assignment(tuple(splits), len(hashes), int(sizes.max()))


def same_strings(docs: Sequence[Doc], labels: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Yield pairs of texts that share an entity of some labels: each text with the first that has the entity."""
    first: dict[tuple[str, str], int] = {}
    for i, doc in enumerate(docs):
        for ent in doc.ents:
            if ent.label_ in labels:
                yield first.setdefault((ent.label_, ent.text.casefold()), i), i


def groups_of(number: int, pairs: Iterable[tuple[int, int]]) -> np.ndarray:
    """Find the connected components of a graph.

    number (int): Number of texts.
    pairs (Iterable[tuple[int, int]]): Edges between texts.
    RETURNS (np.ndarray): Group of each text. Shape: (texts,).
    """
    ends = np.array(list(pairs), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(number, number))
    groups: np.ndarray = connected_components(graph, directed=False)[1]
    return groups


def content_hash(text: str) -> float:
    """Hash a text to a number from 0 to below 1."""
    return int.from_bytes(hashlib.sha256(text.encode("utf8")).digest()[:8], "big") / 2**64


def split_of(value: float, dev: float, test: float) -> str:
    """Return the split of a hash."""
    return "test" if value < test else "dev" if value < test + dev else "train"


def crossings(docs: Sequence[Doc], splits: Sequence[str], disjoint: Sequence[str]) -> dict[str, set[str]]:
    """Find strings of some labels that occur in more than one split, by label; there are none after `split`."""
    seen: dict[tuple[str, str], set[str]] = defaultdict(set)
    for doc, name in zip(docs, splits):
        for ent in doc.ents:
            if ent.label_ in disjoint:
                seen[ent.label_, ent.text.casefold()].add(name)
    found: dict[str, set[str]] = defaultdict(set)
    for (label, string), where in seen.items():
        if len(where) > 1:
            found[label].add(string)
    return dict(found)
