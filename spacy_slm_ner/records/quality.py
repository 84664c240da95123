"""Quality of a set of records: diversity, words that give the intent away, and inconsistent labels."""

import re
from collections import Counter, defaultdict
from typing import Iterator, NamedTuple, Sequence

from spacy.tokens import Doc

from ..labels import best_category
from .duplicates import near_duplicates

# Fewest texts from which a word, or a string, is evidence.
MIN_TEXTS = 3


class Diversity(NamedTuple):
    """Diversity of a set of texts.

    templates (float): Share of distinct texts, entities masked.
    distinct_words (float): Share of distinct words (type-token ratio), in samples of equal size.
    near_duplicates (int): Pairs of texts with a Jaccard similarity of 0.5 or more, entities masked.
    """

    templates: float
    distinct_words: float
    near_duplicates: int


class Giveaway(NamedTuple):
    """A word that gives the intent away.

    word (str): The word in lower case.
    intent (str): The intent that it predicts.
    accuracy (float): Balanced accuracy of "this intent if the word is there, else another"; 0.5 is random guessing, 1.0 means
        that the word alone decides.
    texts (int): Number of texts with the word.
    """

    word: str
    intent: str
    accuracy: float
    texts: int


class Suspicion(NamedTuple):
    """A string with inconsistent labels.

    text (str): The string, in lower case.
    labels (dict[str, int]): Number of occurrences by label; "O" for none.
    examples (tuple[int, ...]): Positions of texts in which it has one of the rarer labels.
    """

    text: str
    labels: dict[str, int]
    examples: tuple[int, ...]


def mask_entities(doc: Doc) -> str:
    """Replace each entity of a text by its label."""
    text, last = "", 0
    for ent in doc.ents:
        text += doc.text[last : ent.start_char] + ent.label_
        last = ent.end_char
    return text + doc.text[last:]


def diversity(docs: Sequence[Doc], sample: int = 1000) -> Diversity:
    """Measure the diversity of texts.

    docs (Sequence[Doc]): Texts with gold entities.
    sample (int): Words in a sample, as the share of distinct words falls with their number.
    """
    masked = [mask_entities(doc) for doc in docs]
    words = [token.lower_ for doc in docs for token in doc if token.is_alpha]
    samples = [words[i : i + sample] for i in range(0, len(words), sample)]
    whole = [words for words in samples if len(words) == sample] or samples
    return Diversity(
        templates=len(set(masked)) / max(len(masked), 1),
        distinct_words=sum(len(set(words)) / len(words) for words in whole) / max(len(whole), 1),
        near_duplicates=sum(1 for _ in near_duplicates(masked, 0.5)),
    )


def giveaways(docs: Sequence[Doc], most: int = 10) -> list[Giveaway]:
    """Find the words that give the intent away, in order of accuracy."""
    intents = [best_category(doc.cats) for doc in docs]
    totals = Counter(intent for intent in intents if intent)
    if len(totals) < 2:
        return []
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    for doc, intent in zip(docs, intents):
        for word in {token.lower_ for token in doc if token.is_alpha} if intent else ():
            hits[word][str(intent)] += 1
    rows = [row for word, counts in hits.items() if counts.total() >= MIN_TEXTS for row in [score_word(word, counts, totals)]]
    return sorted(rows, key=lambda row: (-row.accuracy, row.word))[:most]


def score_word(word: str, counts: Counter[str], totals: Counter[str]) -> Giveaway:
    """Score how well a word predicts an intent."""
    shares = {intent: counts[intent] / total for intent, total in totals.items()}
    intent = max(shares, key=lambda name: shares[name])
    others = totals.total() - totals[intent]
    right_elsewhere = 1.0 - (counts.total() - counts[intent]) / others
    return Giveaway(word, intent, (shares[intent] + right_elsewhere) / 2, counts.total())


def suspicions(docs: Sequence[Doc], most: int = 50) -> list[Suspicion]:
    """Find strings with more than one label, or with a label and none, the most frequent first."""
    strings = {ent.text.casefold() for doc in docs for ent in doc.ents if any(token.is_alpha for token in ent)}
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, doc in enumerate(docs):
        for text, label in labelled_strings(doc, strings):
            found[text][label].append(number)
    rows = [
        Suspicion(text, {label: len(places) for label, places in labels.items()}, rarer(labels))
        for text, labels in found.items()
        if len(labels) > 1 and sum(map(len, labels.values())) >= MIN_TEXTS
    ]
    return sorted(rows, key=lambda row: (-sum(row.labels.values()), row.text))[:most]


def labelled_strings(doc: Doc, strings: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each known string of a text with its label, or "O" where it stands outside entities."""
    for ent in doc.ents:
        yield ent.text.casefold(), ent.label_
    outside = "".join("\n" if token.ent_type_ else token.text_with_ws for token in doc).casefold()
    for text in strings & set(runs(outside)):
        yield text, "O"


def runs(text: str, most: int = 4) -> Iterator[str]:
    """Yield all runs of up to four words of a text."""
    for line in text.split("\n"):
        words = [match.span() for match in re.finditer(r"\S+", line)]
        for i in range(len(words)):
            for j in range(i, min(i + most, len(words))):
                yield line[words[i][0] : words[j][1]].strip(".,;:!?()\"'")


def rarer(labels: dict[str, list[int]]) -> tuple[int, ...]:
    """Return positions at which a string has another label than its most frequent one."""
    usual = max(labels, key=lambda label: len(labels[label]))
    return tuple(place for label, places in labels.items() if label != usual for place in places)[:5]
