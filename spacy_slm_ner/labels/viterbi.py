"""The best legal row of BIO tags for the scores of a tagger, and how probable each of its entities is.

A row is legal if every `I-X` follows `B-X` or `I-X`. The probability of a legal row is the product of its tags' probabilities,
normalised over all legal rows: a linear chain that has no transitions but forbidden ones. So Viterbi finds the best row, and
the probability of an entity by the forward-backward algorithm (Rabiner 1989). Tag 0 is `O`; label number k has the tags `1 + 2k`
(B) and `2 + 2k` (I).
"""

from typing import Iterator, NamedTuple, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

# Most tags of a batch, padding included.
BATCH = 100_000


class Tagged(NamedTuple):
    """An entity.

    start (int): First token.
    end (int): Token after the last one.
    label (int): Number of its label.
    probability (float): That exactly this is an entity, under all legal rows.
    """

    start: int
    end: int
    label: int
    probability: float


def tag_names(labels: Sequence[str]) -> list[str]:
    """Tags in the order of their numbers."""
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def find_entities(scores: Sequence[NDArray]) -> list[list[Tagged]]:
    """Entities of the best legal row of each text.

    scores (Sequence[NDArray]): Of each text, a score of each tag for each token, as logits. Shape: (tokens, tags).
    RETURNS (list[list[Tagged]]): In order.
    """
    found: list[list[Tagged]] = [[] for _ in scores]
    for numbers in batches([len(one) for one in scores]):
        emissions = pad([scores[number] for number in numbers])
        tags = best_sequences(emissions)
        if (tags != 0).any():
            sums = SequenceSums.of(emissions)
            for row, number in enumerate(numbers):
                found[number] = [sums.entity(row, *span) for span in entities_of(tags[row])]
    return found


def batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of texts, those of like length together; texts without tokens are in none."""
    batch: list[int] = []
    for number in sorted((i for i, length in enumerate(lengths) if length), key=lambda i: lengths[i]):
        if batch and lengths[number] * (len(batch) + 1) > BATCH:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def pad(scores: Sequence[NDArray]) -> NDArray:
    """Log-probabilities of tags, padded with tokens that are outside for sure. Shape: (texts, longest, tags)."""
    padded = np.full((len(scores), max(map(len, scores)), scores[0].shape[1]), -np.inf)
    padded[:, :, 0] = 0.0
    for row, one in enumerate(scores):
        padded[row, : len(one)] = one - logsumexp(one, axis=1, keepdims=True)
    return padded


def entities_of(tags: NDArray) -> Iterator[tuple[int, int, int]]:
    """Start, end and label of each entity of a legal row. Shape of tags: (tokens,)."""
    for start in np.flatnonzero(tags % 2 == 1):
        end = start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        yield int(start), int(end), int(tags[start] // 2)


def best_sequences(emissions: NDArray) -> NDArray:
    """The most probable legal row of each text. Shape: (texts, tokens, tags) -> (texts, tokens).

    The best tags one by one are the best row wherever they are legal, which they mostly are.
    """
    tags: NDArray = emissions.argmax(axis=2)
    before = np.pad(tags, ((0, 0), (1, 0)))[:, :-1]
    inside = (tags > 0) & (tags % 2 == 0)
    illegal = (inside & (before != tags) & (before != tags - 1)).any(axis=1)
    if illegal.any():
        tags[illegal] = viterbi(emissions[illegal])
    return tags


def viterbi(emissions: NDArray) -> NDArray:
    """See `best_sequences`."""
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
    rows = np.zeros((texts, tokens), dtype=np.int64)
    rows[:, -1] = best.argmax(axis=1)
    for i in range(tokens - 1, 0, -1):
        rows[:, i - 1] = pointers[i, np.arange(texts), rows[:, i]]
    return rows


class SequenceSums(NamedTuple):
    """SequenceSums over legal rows, as logarithms.

    emissions (NDArray): Log-probability of each tag. Shape: (texts, tokens, tags).
    forward (NDArray): Of all rows up to a token that end in a tag. The same shape.
    opening (NDArray): Of all rows from a token on that begin with `O` or `B-`. Shape: (texts, tokens + 1).
    """

    emissions: NDArray
    forward: NDArray
    opening: NDArray

    @classmethod
    def of(cls, emissions: NDArray) -> "SequenceSums":
        texts, tokens, _ = emissions.shape
        forward = np.full_like(emissions, -np.inf)
        forward[:, 0] = emissions[:, 0]
        forward[:, 0, 2::2] = -np.inf
        for i in range(1, tokens):
            last = forward[:, i - 1]
            forward[:, i] = emissions[:, i] + logsumexp(last, axis=1, keepdims=True)
            forward[:, i, 2::2] = emissions[:, i, 2::2] + np.logaddexp(last[:, 1::2], last[:, 2::2])
        opening = np.zeros((texts, tokens + 1))
        backward = np.zeros((texts, emissions.shape[2]))
        for i in range(tokens - 1, -1, -1):
            following = emissions[:, i] + backward
            opening[:, i] = logsumexp(np.concatenate([following[:, :1], following[:, 1::2]], axis=1), axis=1)
            onwards = np.logaddexp(opening[:, i, None], following[:, 2::2])
            backward = np.repeat(opening[:, i, None], emissions.shape[2], axis=1)
            backward[:, 1::2] = backward[:, 2::2] = onwards
        return cls(emissions, forward, opening)

    def entity(self, row: int, start: int, end: int, label: int) -> Tagged:
        """An entity of a text, with its probability."""
        begin = 1 + 2 * label
        inside = self.emissions[row, start + 1 : end, begin + 1].sum()
        log = self.forward[row, start, begin] + inside + self.opening[row, end] - self.opening[row, 0]
        return Tagged(start, end, label, float(np.exp(min(log, 0.0))))
