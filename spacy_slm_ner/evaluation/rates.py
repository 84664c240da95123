"""Rates of what is wrong with the answers of a language model, as far as its component knows.

A component keeps `doc.user_data[name]`: "problems", a list; and optionally "io", its requests, and "counts", numbers by the names
of `AnswerCounts`. What is not kept is not known: it gives no rate, instead of a rate of zero.
"""

from typing import NamedTuple, Optional, Sequence

from spacy.tokens import Doc

from ..formats.answer_counts import AnswerCounts


class Rates(NamedTuple):
    """Rates over all texts; None for what is not known, and for shares of nothing.

    hallucination (Optional[float]): Share of the named entities that are not in the text.
    copied (Optional[float]): Share of the named entities that are in an example of the prompt, and not in the text.
    conflict (Optional[float]): Share of the named entities that exclude another one.
    unparsable (Optional[float]): Share of the answers that could not be parsed at all.
    unusable (Optional[float]): Share of the texts with a part of text or answer that could not be used.
    queries_per_text (Optional[float]): Mean number of requests for a text.
    cost (Optional[float]): US dollars that were paid for all texts.
    """

    hallucination: Optional[float]
    copied: Optional[float]
    conflict: Optional[float]
    unparsable: Optional[float]
    unusable: Optional[float]
    queries_per_text: Optional[float]
    cost: Optional[float] = None


def count_of(doc: Doc, component: str, key: str) -> Optional[int]:
    """Return a number that a component kept with a Doc; None if it is not known.

    Nothing is asked about a text of white space alone.
    """
    kept = doc.user_data.get(component, {})
    if key in kept.get("counts", {}):
        return int(kept["counts"][key])
    if key == "queries" and "io" in kept:
        return len(kept["io"])
    return None if doc.text.strip() else 0


def total(docs: Sequence[Doc], components: Sequence[str], key: str) -> Optional[int]:
    """Add up a number over Docs and components; None if it is not known of all."""
    numbers = [count_of(doc, component, key) for doc in docs for component in components]
    known = [number for number in numbers if number is not None]
    return sum(known) if numbers and len(known) == len(numbers) else None


def ratio(part: Optional[int], whole: Optional[int]) -> Optional[float]:
    """Divide two numbers; None if one is not known or there is nothing to divide by."""
    return part / whole if part is not None and whole else None


def measure_rates(docs: Sequence[Doc], components: Sequence[str], cost: Optional[float] = None) -> Rates:
    """Measure rates over annotated Docs.

    docs (Sequence[Doc]): The Docs.
    components (Sequence[str]): Names of the components that ask a language model; none if the pipeline has none.
    cost (Optional[float]): US dollars that they have paid; None if it is not known, or they pay nothing.
    RETURNS (Rates): The rates.
    """
    sums = {key: total(docs, components, key) for key in AnswerCounts._fields}
    faulty = sum(any(doc.user_data.get(name, {}).get("problems") for name in components) for doc in docs)
    return Rates(
        hallucination=ratio(sums["hallucinated"], sums["entities"]),
        copied=ratio(sums["copied"], sums["entities"]),
        conflict=ratio(sums["conflicts"], sums["entities"]),
        unparsable=ratio(sums["unparsable"], sums["queries"]),
        unusable=ratio(faulty, len(docs)) if components else None,
        queries_per_text=ratio(sums["queries"], len(docs)),
        cost=cost,
    )
