"""Choice of the examples that the prompt for a text shows."""

from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any, Literal, Protocol, Sequence

from ..errors import ReadError
from .prompt_examples import PromptExample


class ExampleChoice(Protocol):
    """Chooses examples for texts. It never gives a text itself as its example."""

    def choose(self, text: str) -> list[PromptExample]:
        """Choose examples for a text, the most telling one last."""
        ...


Selection = Literal["similar", "random"]


@dataclass(frozen=True)
class RandomChoice:
    """The same examples for all texts.

    pool (Sequence[PromptExample]): Examples to choose from.
    k (int): How many to choose.
    seed (int): Of the choice.
    """

    pool: Sequence[PromptExample]
    k: int
    seed: int

    @cached_property
    def _order(self) -> list[PromptExample]:
        return Random(self.seed).sample(list(self.pool), min(self.k + 1, len(self.pool)))

    def choose(self, text: str) -> list[PromptExample]:
        return [example for example in self._order if not is_same(example.text, text)][: self.k]


@dataclass(frozen=True)
class SimilarChoice:
    """The examples that have most in common with a text, by the cosine of their n-grams of characters.

    pool (Sequence[PromptExample]): Examples to choose from.
    k (int): How many to choose.
    """

    pool: Sequence[PromptExample]
    k: int

    @cached_property
    def _index(self) -> tuple[Any, Any]:
        # Some seconds of import, which no other format needs.
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectorizer = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)
        return vectorizer, vectorizer.fit_transform([f"{example.text} " for example in self.pool])

    def choose(self, text: str) -> list[PromptExample]:
        vectorizer, matrix = self._index
        similarities = (matrix @ vectorizer.transform([text]).T).toarray()[:, 0]
        order = sorted(range(len(self.pool)), key=lambda i: (-similarities[i], i))
        chosen = [self.pool[i] for i in order if not is_same(self.pool[i].text, text)][: self.k]
        return chosen[::-1]


def is_same(one: str, other: str) -> bool:
    """Whether two texts are the same but for case and white space."""
    return one.casefold().split() == other.casefold().split()


@dataclass(frozen=True)
class ExamplePool:
    """All examples, and how some of them are chosen.

    examples (Sequence[PromptExample]): The examples.
    k (int): How many to choose.
    selection (Selection): How to choose.
    seed (int): Of a random choice.
    """

    examples: Sequence[PromptExample]
    k: int
    selection: Selection
    seed: int
    _choices: dict[tuple[str, ...], ExampleChoice] = field(default_factory=dict, repr=False, compare=False)

    def choice(self, intents: Sequence[str]) -> ExampleChoice:
        """Return the choice among the examples that have one of some intents, or among all; the index of a choice is made once.

        RAISES (ReadError): If none has.
        """
        key = tuple(intents)
        if key not in self._choices:
            usable = [one for one in self.examples if not intents or any(one.cats.get(intent) for intent in intents)]
            if not usable:
                raise ReadError(
                    f"None of {len(self.examples)} examples has one of the intents {list(intents)}, but the prompt asks for one."
                )
            similar = self.selection == "similar"
            self._choices[key] = SimilarChoice(usable, self.k) if similar else RandomChoice(usable, self.k, self.seed)
        return self._choices[key]
