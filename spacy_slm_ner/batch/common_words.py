"""Words that stay in the tokenizer's cache, which learns nothing inside a memory zone."""

from collections import Counter
from typing import Iterable

from spacy.language import Language

# A word is kept once it was seen so often, unless it is too long; so many are kept, and so many counted.
OFTEN = 5
LONGEST = 40
MOST_KEPT = 20_000
MOST_COUNTED = 20_000


class CommonWords:
    """Keeps what is common in the tokenizer's cache. Results are the same without it.

    nlp (Language): Pipeline with the tokenizer.
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp
        self._counts: Counter[str] = Counter()
        self._kept = 0

    def learn(self, texts: Iterable[str]) -> None:
        """Count the words of texts, and keep those that became common. Not to be called inside a memory zone."""
        if self._kept >= MOST_KEPT:
            return
        seen = Counter(word for text in texts for word in text.split() if len(word) <= LONGEST)
        new = [word for word, count in seen.items() if self._counts[word] < OFTEN <= self._counts[word] + count]
        self._counts.update(seen)
        self._kept += len(new)
        if new:
            self.nlp.tokenizer(" ".join(new))
        if len(self._counts) > MOST_COUNTED:
            self._counts = Counter({word: count for word, count in self._counts.items() if count >= OFTEN})
