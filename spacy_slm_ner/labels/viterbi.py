"""Decoding of the best legal sequence of BIO tags for the scores of a tagger, with the probability of each entity.

A sequence is legal if every `I-X` follows `B-X` or `I-X`. The probability of a legal sequence is the product of the probabilities
of its tags, normalized over all legal sequences: a linear chain without transition scores, but with forbidden transitions. The
Viterbi algorithm finds the best sequence, and the forward-backward algorithm the probability of an entity (Rabiner 1989).
Tag 0 is `O`; label number k has the tags `1 + 2k` (B) and `2 + 2k` (I).
"""

from typing import Iterator, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray

# Most tags of a batch, padding included.
BATCH = 100_000


class Tagged(NamedTuple):
    """An entity with its probability.

    start (int): First token.
    end (int): Token after the last one.
    label (int): Number of its label.
    probability (float): Probability of exactly this entity, over all legal sequences.
    """

    start: int
    end: int
    label: int
    probability: float


def tag_names(labels: Sequence[str]) -> list[str]:
    """Return the tags in the order of their numbers."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def find_entities(scores: Sequence[NDArray]) -> list[list[Tagged]]:
    """Find the entities of the best legal sequence of each text.

    scores (Sequence[NDArray]): Logits of each text. Shape: (tokens, tags).
    RETURNS (list[list[Tagged]]): Entities of each text, in order.
    """
    found: list[list[Tagged]] = [[] for _ in scores]
    for numbers in batches([len(one) for one in scores]):
        emissions = pad([scores[number] for number in numbers])
        tags = best_sequences(emissions)
        filled = np.flatnonzero(tags.any(axis=1))
        if len(filled):
            sums = SequenceSums.from_emissions(emissions[filled])
            for row, place in enumerate(filled):
                found[numbers[place]] = [sums.entity(row, *span) for span in entities_of(tags[place])]
    return found


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield batches of texts of similar length, as their numbers; texts without tokens are in none."""
    batch: list[int] = []
    for number in sorted((i for i, length in enumerate(lengths) if length), key=lambda i: lengths[i]):
        if batch and lengths[number] * (len(batch) + 1) > BATCH:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def pad(scores: Sequence[NDArray]) -> NDArray:
    """Compute the log-probabilities of tags, padded with outside tokens. Shape: (texts, longest, tags)."""
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
    """Yield start, end and label of each entity of a legal sequence. Shape of tags: (tokens,)."""
    for start in np.flatnonzero(tags % 2 == 1):
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        yield int(start), int(end), int(tags[start] // 2)


def best_sequences(emissions: NDArray) -> NDArray:
    """Find the most probable legal sequence of each text. Shape: (texts, tokens, tags) -> (texts, tokens).

    The best tags of the tokens are the best sequence if they are legal, as they mostly are.
    """
    tags: NDArray = emissions.argmax(axis=2)
    before = np.pad(tags, ((0, 0), (1, 0)))[:, :-1]
    inside = (tags > 0) & (tags % 2 == 0)
    illegal = (inside & (before != tags) & (before != tags - 1)).any(axis=1)
    if illegal.any():
        tags[illegal] = viterbi(emissions[illegal])
    return tags


def viterbi(emissions: NDArray) -> NDArray:
    """Find the most probable legal sequence of each text by the Viterbi algorithm. Shapes as in `best_sequences`."""
    texts, tokens, number = emissions.shape
    best = emissions[:, 0].copy()
    best[:, 2::2] = -np.inf
    pointers = np.zeros((tokens, texts, number), dtype=np.int32)
    for i in range(1, tokens):
        any_before = best.argmax(axis=1)
        pointers[i] = any_before[:, None]
        begin, inside = best[:, 1::2], best[:, 2::2]
        pointers[i, :, 2::2] = np.arange(1, number, 2) + (inside > begin)
        best = emissions[:, i] + np.take_along_axis(best, pointers[i], axis=1)
    tags = np.zeros((texts, tokens), dtype=np.int64)
    tags[:, -1] = best.argmax(axis=1)
    for i in range(tokens - 1, 0, -1):
        tags[:, i - 1] = pointers[i, np.arange(texts), tags[:, i]]
    return tags


class SequenceSums(NamedTuple):
    """Sums of the probabilities of legal sequences, as logarithms.

    emissions (NDArray): Log-probability of each tag. Shape: (texts, tokens, tags).
    forward (NDArray): Sum of all sequences up to a token that end with a tag. Shape: (texts, tokens, tags).
    opening (NDArray): Sum of all sequences from a token on that begin with `O` or `B-`. Shape: (texts, tokens + 1).
    """

    emissions: NDArray
    forward: NDArray
    opening: NDArray

    @classmethod
    def from_emissions(cls, emissions: NDArray) -> "SequenceSums":
        """Compute the sums by the forward-backward algorithm."""
        texts, tokens, _ = emissions.shape
        forward = np.full_like(emissions, -np.inf)
        forward[:, 0] = emissions[:, 0]
        forward[:, 0, 2::2] = -np.inf
        for i in range(1, tokens):
            last = forward[:, i - 1]
            forward[:, i] = emissions[:, i] + log_sum_exp(last)
            forward[:, i, 2::2] = emissions[:, i, 2::2] + np.logaddexp(last[:, 1::2], last[:, 2::2])
        opening = np.zeros((texts, tokens + 1))
        backward = np.zeros((texts, emissions.shape[2]))
        for i in range(tokens - 1, -1, -1):
            following = emissions[:, i] + backward
            opening[:, i] = log_sum_exp(np.concatenate([following[:, :1], following[:, 1::2]], axis=1))[:, 0]
            onwards = np.logaddexp(opening[:, i, None], following[:, 2::2])
            backward = np.repeat(opening[:, i, None], emissions.shape[2], axis=1)
            backward[:, 1::2] = backward[:, 2::2] = onwards
        return cls(emissions, forward, opening)

    def entity(self, row: int, start: int, end: int, label: int) -> Tagged:
        """Compute the probability of an entity of a text."""
        begin = 1 + 2 * label
        inside = self.emissions[row, start + 1 : end, begin + 1].sum()
        log = self.forward[row, start, begin] + inside + self.opening[row, end] - self.opening[row, 0]
        return Tagged(start, end, label, float(np.exp(min(log, 0.0))))
