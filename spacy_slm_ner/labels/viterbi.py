"""Decoding of the best legal row of BIO tags for the scores of a tagger, with the probability of each entity.

A row is legal if every `I-X` follows `B-X` or `I-X`. Its score is the sum of the log-probabilities of its tags, and of what
`Transitions` add for each pair of neighbours; its probability is normalized over all legal rows, as in a linear chain. The
Viterbi algorithm finds the best row, and the forward-backward algorithm the probability of an entity (Rabiner 1989). As there are
six kinds of transition, a step takes time in proportion to the number of labels, not to its square.

Tag 0 is `O`; label number k has the tags `1 + 2k` (B) and `2 + 2k` (I).
"""

from typing import Iterator, NamedTuple, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray

from .transitions import Transitions, kinds_of_pairs

NO_TRANSITIONS = Transitions()
# Less than any probability that matters, and enough to divide by.
LEAST = 1e-200
# Most tags of a batch, padding included.
BATCH = 100_000


class Tagged(NamedTuple):
    """An entity with its probability.

    start (int): First token.
    end (int): Token after the last one.
    label (int): Number of its label.
    probability (float): Probability of exactly this entity, over all legal rows.
    """

    start: int
    end: int
    label: int
    probability: float


def tag_names(labels: Sequence[str]) -> list[str]:
    """Return the tags in the order of their numbers."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def find_entities(scores: Sequence[NDArray], transitions: Transitions = NO_TRANSITIONS) -> list[list[Tagged]]:
    """Find the entities of the best legal row of each text.

    scores (Sequence[NDArray]): Logits of each text. Shape: (tokens, tags).
    transitions (Transitions): What is added for neighbouring tags.
    RETURNS (list[list[Tagged]]): Entities of each text, in order.
    """
    found: list[list[Tagged]] = [[] for _ in scores]
    for numbers in batches([len(one) for one in scores]):
        emissions, lengths = pad([scores[number] for number in numbers]), np.array([len(scores[number]) for number in numbers])
        tags = best_rows(emissions, lengths, transitions)
        filled = np.flatnonzero(tags.any(axis=1))
        if len(filled):
            sums = RowSums.from_emissions(emissions[filled], lengths[filled], transitions)
            for row, place in enumerate(filled):
                found[numbers[place]] = [sums.entity(row, *span) for span in entities_of(tags[place])]
    return found


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield batches of texts of similar length, as their numbers, the longest first; texts without tokens are in none."""
    batch: list[int] = []
    for number in sorted((i for i, length in enumerate(lengths) if length), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > BATCH:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def pad(scores: Sequence[NDArray]) -> NDArray:
    """Compute the log-probabilities of tags, padded with `O`. Shape: (texts, longest, tags)."""
    padded = np.full((len(scores), max(map(len, scores)), scores[0].shape[1]), -np.inf)
    padded[:, :, 0] = 0.0
    lengths = np.array([len(one) for one in scores])
    every = np.concatenate(scores).astype(float)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = every - log_sum_exp(every)
    return padded


def log_sum_exp(values: NDArray) -> NDArray:
    """Logarithm of the sum of exponentials over the last axis, which is kept. At least one value of each row must be finite.

    That of scipy looks at its input first, which takes longer than the sum where it is called for every token.
    """
    largest = values.max(axis=-1, keepdims=True)
    return largest + np.log(np.exp(values - largest).sum(axis=-1, keepdims=True))


def entities_of(tags: NDArray) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and label of each entity of a legal row. Shape of tags: (tokens,)."""
    for start in np.flatnonzero(tags % 2 == 1):
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        yield int(start), int(end), int(tags[start] // 2)


def best_rows(emissions: NDArray, lengths: NDArray, transitions: Transitions) -> NDArray:
    """Find the most probable legal row of each text by the Viterbi algorithm.

    emissions (NDArray): Log-probability of each tag, see `pad`. Shape: (texts, tokens, tags).
    lengths (NDArray): Number of tokens of each text, descending. Shape: (texts,).
    RETURNS (NDArray): The tags; 0 behind the end. Shape: (texts, tokens).
    """
    texts, tokens, number = emissions.shape
    best = emissions.copy()
    best[:, 0, 2::2] = -np.inf
    for i, rows in steps(lengths):
        outside, entity = best[:rows, i - 1, :1], np.maximum(best[:rows, i - 1, 1::2], best[:rows, i - 1, 2::2])
        begin = np.maximum(entity + transitions.again, largest_of_others(entity) + transitions.other)
        ends = entity.max(axis=1, keepdims=True) + transitions.ends
        best[:rows, i, :1] += np.maximum(outside + transitions.outside, ends)
        best[:rows, i, 1::2] += np.maximum(outside + transitions.begins, begin)
        best[:rows, i, 2::2] += entity + transitions.inside
    tags = np.zeros((texts, tokens), dtype=np.int64)
    every = np.arange(texts)
    tags[every, lengths - 1] = best[every, lengths - 1].argmax(axis=1)
    matrix = transition_matrix(transitions, number)
    for i, rows in reversed(list(steps(lengths))):
        tags[:rows, i - 1] = (best[:rows, i - 1] + matrix[:, tags[:rows, i]].T).argmax(axis=1)
    return tags


def steps(lengths: NDArray) -> Iterator[Tuple[int, int]]:
    """Yield each token but the first, and how many texts have it. Lengths are descending."""
    for i in range(1, lengths[0]):
        yield i, int(np.searchsorted(-lengths, -i))


def largest_of_others(values: NDArray) -> NDArray:
    """Find the largest value of all other columns. Shape: (rows, columns) -> (rows, columns)."""
    every, largest = np.arange(len(values)), values.argmax(axis=1)
    rest = values.copy()
    rest[every, largest] = -np.inf
    found = np.repeat(values[every, largest][:, None], values.shape[1], axis=1)
    found[every, largest] = rest.max(axis=1)
    return found


def transition_matrix(transitions: Transitions, tags: int) -> NDArray:
    """List what is added for each pair of tags, minus infinity for those that are not legal. Shape: (tag before, tag)."""
    before, tag = np.indices((tags, tags))
    matrix = np.array(transitions)[kinds_of_pairs(before, tag)]
    matrix[(tag > 0) & (tag % 2 == 0) & (before != tag) & (before != tag - 1)] = -np.inf
    return matrix


class RowSums(NamedTuple):
    """What the probabilities of entities are made of: products over tokens, which are scaled, as they would get too small.

    begin (NDArray): Sum of all legal rows up to a token that end with `B-X`. Shape: (texts, tokens, labels).
    inside (NDArray): What `I-X` at a token adds to the product of a row. Shape: (texts, tokens, labels).
    leave (NDArray): Sum of all legal rows from a token on that begin with anything but `I-X`, behind an entity of X; 1 behind the
        end. Shape: (texts, tokens + 1, labels).
    """

    begin: NDArray
    inside: NDArray
    leave: NDArray

    @classmethod
    def from_emissions(cls, emissions: NDArray, lengths: NDArray, transitions: Transitions) -> "RowSums":
        """Compute the sums by the forward-backward algorithm. Arguments as those of `best_rows`."""
        texts, tokens, _ = emissions.shape
        chances, factors = np.maximum(np.exp(emissions), LEAST), Transitions(*np.exp(transitions))
        outside, begins, insides = chances[:, :, :1], chances[:, :, 1::2], chances[:, :, 2::2]
        scale = np.ones((texts, tokens, 1))
        begin, inside = np.zeros_like(begins), insides * factors.inside
        scale[:, 0] = outside[:, 0] + begins[:, 0].sum(axis=1, keepdims=True)
        begin[:, 0] = entity = begins[:, 0] / scale[:, 0]
        out = outside[:, 0] / scale[:, 0]
        for i, rows in steps(lengths):
            out, entity = out[:rows], entity[:rows]
            every = entity.sum(axis=1, keepdims=True)
            begin[:rows, i] = begins[:rows, i] * (
                out * factors.begins + entity * factors.again + (every - entity) * factors.other
            )
            out = outside[:rows, i] * (out * factors.outside + every * factors.ends)
            entity = entity * inside[:rows, i] + begin[:rows, i]
            scale[:rows, i] = out + entity.sum(axis=1, keepdims=True)
            out, entity = out / scale[:rows, i], entity / scale[:rows, i]
            begin[:rows, i] /= scale[:rows, i]
        inside /= scale
        leave = np.ones((texts, tokens + 1, begins.shape[2]))
        behind_out, behind_entity = np.ones((texts, 1)), np.ones((texts, begins.shape[2]))
        for i, rows in reversed(list(steps(lengths))):
            o = outside[:rows, i] * behind_out[:rows] / scale[:rows, i]
            b = begins[:rows, i] * behind_entity[:rows] / scale[:rows, i]
            every = b.sum(axis=1, keepdims=True)
            leave[:rows, i] = o * factors.ends + b * factors.again + (every - b) * factors.other
            behind_out[:rows] = o * factors.outside + every * factors.begins
            behind_entity[:rows] = leave[:rows, i] + inside[:rows, i] * behind_entity[:rows]
        return cls(begin, inside, leave)

    def entity(self, row: int, start: int, end: int, label: int) -> Tagged:
        """Compute the probability of an entity of a text."""
        found = self.begin[row, start, label] * self.inside[row, start + 1 : end, label].prod() * self.leave[row, end, label]
        return Tagged(start, end, label, float(min(found, 1.0)))
