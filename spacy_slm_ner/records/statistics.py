"""What a set of record files shows: counts, forms, and what the files share with each other."""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator, Mapping, NamedTuple, Sequence

from spacy.tokens import Doc

from ..labels import best_category
from .duplicates import near_duplicates

Forms = Mapping[str, Mapping[str, str]]
TEXT = "TEXT"


@dataclass(frozen=True)
class RecordFile:
    """One file of the set.

    name (str): For example "train".
    docs (Sequence[Doc]): Its texts with gold entities and categories.
    """

    name: str
    docs: Sequence[Doc]

    def strings(self, label: str) -> set[str]:
        """Entity strings of a label, case folded."""
        return {ent.text.casefold() for doc in self.docs for ent in doc.ents if ent.label_ == label}

    def count_labels(self) -> Counter[str]:
        return Counter(ent.label_ for doc in self.docs for ent in doc.ents)

    def count_intents(self) -> Counter[str]:
        return Counter(intent_of(doc) for doc in self.docs)

    def without_entity(self) -> int:
        return sum(not doc.ents for doc in self.docs)

    def count_forms(self, forms: Forms) -> Counter[tuple[str, str]]:
        """Number of entities of each form; of texts, under the label TEXT."""
        return Counter(key for doc in self.docs for key in forms_of(doc, forms))

    def intent_word(self, word: str) -> dict[str, tuple[int, int]]:
        """For each intent, in how many of its texts a word stands, and the number of its texts."""
        hits = Counter(intent_of(doc) for doc in self.docs if word.casefold() in doc.text.casefold())
        return {intent: (hits[intent], total) for intent, total in sorted(self.count_intents().items())}


class NearDuplicateTexts(NamedTuple):
    """Near-duplicate texts.

    files (tuple[str, str]): Names of the files.
    texts (tuple[str, str]): The texts.
    similarity (float): Jaccard similarity.
    """

    files: tuple[str, str]
    texts: tuple[str, str]
    similarity: float


def intent_of(doc: Doc) -> str:
    return best_category(doc.cats) or "none"


def forms_of(doc: Doc, forms: Forms) -> Iterator[tuple[str, str]]:
    """Label and name of every form that an entity (or, under TEXT, the whole text) has."""
    for name, pattern in forms.get(TEXT, {}).items():
        if re.search(pattern, doc.text):
            yield TEXT, name
    for ent in doc.ents:
        for name, pattern in forms.get(ent.label_, {}).items():
            if re.search(pattern, ent.text):
                yield ent.label_, name


def find_near_duplicates(files: Sequence[RecordFile], threshold: float = 0.7) -> list[NearDuplicateTexts]:
    """Near-duplicates within and across files."""
    places = [(file.name, doc.text) for file in files for doc in file.docs]
    return [
        NearDuplicateTexts((places[i][0], places[j][0]), (places[i][1], places[j][1]), similarity)
        for i, j, similarity in near_duplicates([text for _, text in places], threshold)
    ]


@dataclass(frozen=True)
class RecordStatistics:
    """What a set of files shows.

    files (Sequence[RecordFile]): The files, the one to test on last.
    forms (Forms): Patterns to count, by label.
    word (str): A word that should not give the intent away; "" for none.
    disjoint (Sequence[str]): Labels whose strings in the last file should be new.
    similarity (float): Jaccard similarity from which two texts are near-duplicates.
    """

    files: Sequence[RecordFile]
    forms: Forms = field(default_factory=dict)
    word: str = ""
    disjoint: Sequence[str] = ()
    similarity: float = 0.7

    @cached_property
    def near_duplicates(self) -> list[NearDuplicateTexts]:
        return find_near_duplicates(self.files, self.similarity)

    @property
    def labels(self) -> list[str]:
        return sorted({label for file in self.files for label in file.count_labels()})

    @property
    def intents(self) -> list[str]:
        return sorted({intent for file in self.files for intent in file.count_intents()})

    def unseen(self, label: str) -> tuple[int, int]:
        """How many of the distinct strings of a label in the last file occur in no other, and the number of distinct strings."""
        *earlier, last = self.files
        strings = last.strings(label)
        known = set().union(*(file.strings(label) for file in earlier))
        return len(strings - known), len(strings)

    @property
    def has_intents(self) -> bool:
        return any(doc.cats for file in self.files for doc in file.docs)

    @property
    def has_word(self) -> bool:
        """Whether the word stands in any text."""
        texts = (doc.text.casefold() for file in self.files for doc in file.docs)
        return bool(self.word) and any(self.word.casefold() in text for text in texts)

    def leaks(self, least_unseen: float) -> Iterator[str]:
        """One sentence for each near-duplicate across files and each label with too few new strings."""
        yield from self.near_duplicate_leaks()
        yield from self.few_unseen(least_unseen)

    def near_duplicate_leaks(self) -> Iterator[str]:
        """One sentence for each near-duplicate across files."""
        for files, texts, similarity in self.near_duplicates:
            if files[0] != files[1]:
                yield f"near-duplicates ({similarity:.2f}) in {files[0]} and {files[1]}: {texts[0]!r} and {texts[1]!r}"

    def few_unseen(self, least: float) -> Iterator[str]:
        """One sentence for each label with too few new strings."""
        for label in self.disjoint:
            new, total = self.unseen(label)
            if new < least * total:
                last = self.files[-1].name
                yield f"only {new} of {total} {label} strings of {last} are new, at least {least:.0%} should be"

    def absences(self) -> Iterator[str]:
        """One sentence for each thing to count that no file has."""
        if self.word and not self.has_word:
            yield f"no text has the word {self.word!r}, so there is no table of it"
        known = {*self.labels, TEXT}
        for kind, names in (("forms of", self.forms), ("new strings of", self.disjoint)):
            absent = [name for name in names if name not in known]
            if absent:
                yield f"no entity has the labels {', '.join(absent)}, so there is no table of the {kind} them"
