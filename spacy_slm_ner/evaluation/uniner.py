"""The protocol of UniversalNER (Zhou et al. 2023): one query for each text and type, answered with a JSON list of strings.

Scores are micro-averaged over all queries. A query without gold entities costs precision where it has an answer. Strings are
compared after normalization, and each counts once in a query, however often the text mentions it.

Source: `src/eval/evaluate.py` of universal-ner/universal-ner. It adds 1e-10 to each denominator; here 0 / 0 is 0, so figures
differ by less than 1e-9.
"""

import json
import re
import string
from typing import Callable, Iterable, Iterator, NamedTuple, Sequence

from .scores import PRF
from .string_examples import LabelledString, StringExample

PUNCTUATION = str.maketrans("", "", string.punctuation)
ARTICLE = re.compile(r"\b(?:a|an|the)\b")
# The published pattern: it ends at the first closing bracket, even inside a string.
PUBLISHED_LIST = re.compile(r"\[.*?\]")

# Gold and predicted strings of one text and type.
Query = tuple[Sequence[str], Sequence[str]]


class UniNERScores(NamedTuple):
    """Scores by the published parser and without it.

    published (PRF): Gold and predicted strings are written as JSON and read by `parse_published`.
    repaired (PRF): The strings are compared directly.
    """

    published: PRF
    repaired: PRF

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Return the figures as JSON can hold them."""
        return {"published": self.published.to_dict(), "repaired": self.repaired.to_dict()}


def normalize(text: str) -> str:
    """Lower a string, then remove ASCII punctuation, English articles and superfluous white space.

    The result may be empty: "The" and "!" are equal.
    """
    return " ".join(ARTICLE.sub(" ", text.lower().translate(PUNCTUATION)).split())


def parse_published(answer: str) -> list[str]:
    """Parse an answer as the published script does.

    answer (str): Any answer.
    RETURNS (list[str]): Its strings. Empty if it does not begin with a bracket, if it is no JSON list of strings up to its first
        closing bracket, or if a string holds such a bracket.
    """
    match = PUBLISHED_LIST.match(answer)
    try:
        items = json.loads(match[0]) if match else []
    except (ValueError, RecursionError):
        return []
    return items if all(isinstance(item, str) for item in items) else []


def reparse(strings: Sequence[str]) -> list[str]:
    """Write strings as the JSON list of an answer, and parse it as the published script does."""
    return parse_published(json.dumps(list(strings)))


def score_queries(queries: Iterable[Query]) -> PRF:
    """Count the distinct normalized strings of all queries.

    queries (Iterable[Query]): Gold and predicted strings of each text and type.
    RETURNS (PRF): The figures.
    """
    sides = [({*map(normalize, gold)}, {*map(normalize, predicted)}) for gold, predicted in queries]
    correct = sum(len(gold & predicted) for gold, predicted in sides)
    return PRF(correct, sum(len(predicted) for _, predicted in sides), sum(len(gold) for gold, _ in sides))


def make_queries(eg: StringExample, labels: Sequence[str] = ()) -> Iterator[Query]:
    """Make the queries about a text.

    eg (StringExample): The text; an answer that cannot be parsed counts as empty.
    labels (Sequence[str]): Types that are asked for; empty for all that either side has.
    YIELDS (Query): Gold and predicted strings of each type.
    """
    predicted = eg.predicted or ()
    for label in sorted({*labels} or {label for _, label in [*eg.gold, *predicted]}):
        yield strings_of(eg.gold, label), strings_of(predicted, label)


def strings_of(entities: Sequence[LabelledString], label: str) -> list[str]:
    """Return the strings that have a label."""
    return [text for text, other in entities if other == label]


def score_uniner(examples: Sequence[StringExample], labels: Sequence[str] = ()) -> UniNERScores:
    """Score entities by the protocol of UniversalNER.

    examples (Sequence[StringExample]): The texts.
    labels (Sequence[str]): Types that are asked for; empty for all.
    RETURNS (UniNERScores): The figures.
    """
    queries = [query for eg in examples for query in make_queries(eg, labels)]
    return UniNERScores(published=score_queries(map_sides(reparse, queries)), repaired=score_queries(queries))


def map_sides(change: Callable[[Sequence[str]], Sequence[str]], queries: Iterable[Query]) -> Iterator[Query]:
    """Apply a function to both sides of each query."""
    return ((change(gold), change(predicted)) for gold, predicted in queries)
