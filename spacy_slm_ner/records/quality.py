"""How good a set of records is, as far as that can be told without knowing what is right."""

import re
from collections import Counter, defaultdict
from typing import Iterator, NamedTuple, Sequence

from spacy.tokens import Doc

from ..labels import best_category
from .duplicates import near_duplicates

# From how many texts on a word, or a string, tells something.
LEAST = 3


class Diversity(NamedTuple):
    """How much the texts differ.

    templates (float): Distinct texts, entities masked, by all texts.
    distinct_words (float): Distinct words by all words, in samples of equal size.
    near_duplicates (int): Pairs of texts with a Jaccard similarity of 0.5 or more, entities masked.
    """

    templates: float
    distinct_words: float
    near_duplicates: int


class Giveaway(NamedTuple):
    """A word that tells the intent.

    word (str): In lower case.
    intent (str): That it speaks for.
    accuracy (float): Balanced accuracy of "this intent if the word is there, else another"; 0.5 is chance, 1.0 means that nothing
        else is needed.
    texts (int): Number of texts with the word.
    """

    word: str
    intent: str
    accuracy: float
    texts: int


class Suspicion(NamedTuple):
    """A string that is labelled in some places and not, or otherwise, in others.

    text (str): The string, in lower case.
    labels (dict[str, int]): How often it has each label; "O" for none.
    examples (tuple[int, ...]): Positions of texts in which it has the rarer ones.
    """

    text: str
    labels: dict[str, int]
    examples: tuple[int, ...]


def mask_entities(doc: Doc) -> str:
    """A text with the name of its label in the place of each entity."""
    text, last = "", 0
    for ent in doc.ents:
        text += doc.text[last : ent.start_char] + ent.label_
        last = ent.end_char
    return text + doc.text[last:]


def diversity(docs: Sequence[Doc], sample: int = 1000) -> Diversity:
    """Measure how much texts differ.

    sample (int): Number of words for the share of distinct ones, which falls with the number of words.
    """
    masked = [mask_entities(doc) for doc in docs]
    words = [token.lower_ for doc in docs for token in doc if token.is_alpha]
    parts = [words[i : i + sample] for i in range(0, len(words), sample)]
    whole = [part for part in parts if len(part) == sample] or parts
    return Diversity(
        templates=len(set(masked)) / max(len(masked), 1),
        distinct_words=sum(len(set(part)) / len(part) for part in whole) / max(len(whole), 1),
        near_duplicates=sum(1 for _ in near_duplicates(masked, 0.5)),
    )


def giveaways(docs: Sequence[Doc], most: int = 10) -> list[Giveaway]:
    """Words that tell the intent best, the worst first."""
    intents = [best_category(doc.cats) for doc in docs]
    totals = Counter(intent for intent in intents if intent)
    if len(totals) < 2:
        return []
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    for doc, intent in zip(docs, intents):
        for word in {token.lower_ for token in doc if token.is_alpha} if intent else ():
            hits[word][str(intent)] += 1
    rows = [row for word, counts in hits.items() if counts.total() >= LEAST for row in [score_word(word, counts, totals)]]
    return sorted(rows, key=lambda row: (-row.accuracy, row.word))[:most]


def score_word(word: str, counts: Counter[str], totals: Counter[str]) -> Giveaway:
    """How well a word tells the intent that it speaks for from the others."""
    shares = {intent: counts[intent] / total for intent, total in totals.items()}
    intent = max(shares, key=lambda name: shares[name])
    others = totals.total() - totals[intent]
    right_elsewhere = 1.0 - (counts.total() - counts[intent]) / others
    return Giveaway(word, intent, (shares[intent] + right_elsewhere) / 2, counts.total())


def suspicions(docs: Sequence[Doc], most: int = 50) -> list[Suspicion]:
    """Strings with more than one label, or with a label and none, the most frequent first."""
    strings = {ent.text.casefold() for doc in docs for ent in doc.ents if any(token.is_alpha for token in ent)}
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, doc in enumerate(docs):
        for text, label in labelled_strings(doc, strings):
            found[text][label].append(number)
    rows = [
        Suspicion(text, {label: len(places) for label, places in labels.items()}, rarer(labels))
        for text, labels in found.items()
        if len(labels) > 1 and sum(map(len, labels.values())) >= LEAST
    ]
    return sorted(rows, key=lambda row: (-sum(row.labels.values()), row.text))[:most]


def labelled_strings(doc: Doc, strings: set[str]) -> Iterator[tuple[str, str]]:
    """Each known string of a text with its label, or "O" where it stands outside of entities."""
    for ent in doc.ents:
        yield ent.text.casefold(), ent.label_
    outside = "".join("\n" if token.ent_type_ else token.text_with_ws for token in doc).casefold()
    for text in strings & set(runs(outside)):
        yield text, "O"


def runs(text: str, most: int = 4) -> Iterator[str]:
    """All runs of up to four words of a text."""
    for line in text.split("\n"):
        words = [match.span() for match in re.finditer(r"\S+", line)]
        for i in range(len(words)):
            for j in range(i, min(i + most, len(words))):
                yield line[words[i][0] : words[j][1]].strip(".,;:!?()\"'")


def rarer(labels: dict[str, list[int]]) -> tuple[int, ...]:
    """Where a string has another than its most frequent label."""
    usual = max(labels, key=lambda label: len(labels[label]))
    return tuple(place for label, places in labels.items() if label != usual for place in places)[:5]
