"""How likely one BIO tag follows another, from the tags of training texts.

A tagger says how likely each tag is for a token, p(tag | token), and knows of its neighbours only what it reads from the text.
Hybrids of networks and Markov chains (Bourlard & Morgan 1994) divide by how frequent the tag is, and multiply by how frequent it
is behind the one before. The score of a row of tags is the sum of

    log p(tag | token) + weight * log (p(tag | tag before) / p(tag))

From few texts, pairs of labels cannot be counted one by one. So there are six kinds of transition, whatever the labels are.
"""

from typing import Iterable, NamedTuple

import numpy as np
from numpy.typing import NDArray

# What is added to each count.
SMOOTHING = 0.5


class Transitions(NamedTuple):
    """What is added to the score of a row for each pair of neighbouring tags, by its kind; zeros leave only the laws of BIO.

    outside (float): `O` behind `O`.
    begins (float): `B-X` behind `O`.
    ends (float): `O` behind `B-X` or `I-X`.
    inside (float): `I-X` behind `B-X` or `I-X`.
    again (float): `B-X` behind `B-X` or `I-X`.
    other (float): `B-Y` behind `B-X` or `I-X`.
    """

    outside: float = 0.0
    begins: float = 0.0
    ends: float = 0.0
    inside: float = 0.0
    again: float = 0.0
    other: float = 0.0

    def times(self, weight: float) -> "Transitions":
        return Transitions(*(weight * value for value in self))


def count_transitions(rows: Iterable[NDArray], labels: int) -> Transitions:
    """Count the tags of texts, and the pairs of neighbours.

    rows (Iterable[NDArray]): Tags of each text, numbered as in `viterbi`; -1 for one that is unknown. Shape of each: (tokens,).
    labels (int): Number of labels.
    RETURNS (Transitions): Logarithms of how much more likely a tag is behind the one before than anywhere.
    """
    tags, pairs = np.zeros(3), np.zeros(6)
    for row in rows:
        np.add.at(tags, kinds_of_tags(row[row >= 0]), 1)
        known = (row[:-1] >= 0) & (row[1:] >= 0)
        np.add.at(pairs, kinds_of_pairs(row[:-1][known], row[1:][known]), 1)
    begin, inside = (tags[1:] + SMOOTHING) / labels
    # In the order of the fields; behind an entity there may be any label but its own, or its own.
    frequent = np.array([tags[0] + SMOOTHING, begin * labels, tags[0] + SMOOTHING, inside, begin, begin * max(labels - 1, 1)])
    frequent /= tags.sum() + 3 * SMOOTHING
    smooth = pairs + SMOOTHING
    behind = np.concatenate([smooth[:2] / smooth[:2].sum(), smooth[2:] / smooth[2:].sum()])
    return Transitions(*np.log(behind / frequent).tolist())


def kinds_of_tags(tags: NDArray) -> NDArray:
    """0 for `O`, 1 for `B-X`, 2 for `I-X`."""
    return np.where(tags == 0, 0, 2 - tags % 2)


def kinds_of_pairs(before: NDArray, tags: NDArray) -> NDArray:
    """Number the kinds of pairs in the order of `Transitions`."""
    same = (before - 1) // 2 == (tags - 1) // 2
    behind_entity = np.select([tags == 0, tags % 2 == 0, same], [2, 3, 4], 5)
    return np.where(before == 0, np.where(tags == 0, 0, 1), behind_entity)
