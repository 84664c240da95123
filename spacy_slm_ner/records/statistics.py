"""Statistics of a set of record files: counts, forms, and leaks between the files."""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator, Mapping, NamedTuple, Sequence

from spacy.tokens import Doc

from ..labels import best_category
from .duplicates import near_duplicates

# Regular expressions by label and name of the form; under TEXT, for whole texts.
Forms = Mapping[str, Mapping[str, str]]
TEXT = "TEXT"


@dataclass(frozen=True)
class RecordFile:
    """A record file.

    name (str): Name for tables, such as "train".
    docs (Sequence[Doc]): Its texts with gold entities and categories.
    """

    name: str
    docs: Sequence[Doc]

    def strings(self, label: str) -> set[str]:
        """Return the entity strings of a label, case folded."""
        return {ent.text.casefold() for doc in self.docs for ent in doc.ents if ent.label_ == label}

    def count_labels(self) -> Counter[str]:
        """Count entities by label."""
        return Counter(ent.label_ for doc in self.docs for ent in doc.ents)

    def count_intents(self) -> Counter[str]:
        """Count texts by intent."""
        return Counter(intent_of(doc) for doc in self.docs)

    def without_entity(self) -> int:
        """Count texts without entities."""
        return sum(not doc.ents for doc in self.docs)

    def count_forms(self, forms: Forms) -> Counter[tuple[str, str]]:
        """Count entities by label and form; under the label TEXT, count texts."""
        return Counter(key for doc in self.docs for key in forms_of(doc, forms))

    def count_intents_with(self, word: str) -> dict[str, tuple[int, int]]:
        """Count, for each intent, its texts with a word and all its texts."""
        hits = Counter(intent_of(doc) for doc in self.docs if word.casefold() in doc.text.casefold())
        return {intent: (hits[intent], total) for intent, total in sorted(self.count_intents().items())}


class NearDuplicateTexts(NamedTuple):
    """Two texts that are nearly the same.

    files (tuple[str, str]): Names of their files.
    texts (tuple[str, str]): The texts.
    similarity (float): Jaccard similarity.
    """

    files: tuple[str, str]
    texts: tuple[str, str]
    similarity: float


def intent_of(doc: Doc) -> str:
    """Return the intent of a text, or "none"."""
    return best_category(doc.cats) or "none"


def forms_of(doc: Doc, forms: Forms) -> Iterator[tuple[str, str]]:
    """Yield label and name of every form that an entity (or, under TEXT, the whole text) has."""
    for name, pattern in forms.get(TEXT, {}).items():
        if re.search(pattern, doc.text):
            yield TEXT, name
    for ent in doc.ents:
        for name, pattern in forms.get(ent.label_, {}).items():
            if re.search(pattern, ent.text):
                yield ent.label_, name


def find_near_duplicates(files: Sequence[RecordFile], threshold: float = 0.7) -> list[NearDuplicateTexts]:
    """Find near-duplicates within and across files."""
    places = [(file.name, doc.text) for file in files for doc in file.docs]
    return [
        NearDuplicateTexts((places[i][0], places[j][0]), (places[i][1], places[j][1]), similarity)
        for i, j, similarity in near_duplicates([text for _, text in places], threshold)
    ]


@dataclass(frozen=True)
class RecordStatistics:
    """Statistics of a set of record files.

    files (Sequence[RecordFile]): The files, the test set last.
    forms (Forms): Forms to count.
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
        """Near-duplicates within and across files."""
        return find_near_duplicates(self.files, self.similarity)

    @property
    def labels(self) -> list[str]:
        """All labels, sorted."""
        return sorted({label for file in self.files for label in file.count_labels()})

    @property
    def intents(self) -> list[str]:
        """All intents, sorted."""
        return sorted({intent for file in self.files for intent in file.count_intents()})

    def unseen(self, label: str) -> tuple[int, int]:
        """Count the distinct strings of a label in the last file: those that occur in no other file, and all."""
        *earlier, last = self.files
        strings = last.strings(label)
        known = set().union(*(file.strings(label) for file in earlier))
        return len(strings - known), len(strings)

    @property
    def has_intents(self) -> bool:
        """Whether any text has an intent."""
        return any(doc.cats for file in self.files for doc in file.docs)

    @property
    def has_word(self) -> bool:
        """Whether any text has the word."""
        texts = (doc.text.casefold() for file in self.files for doc in file.docs)
        return bool(self.word) and any(self.word.casefold() in text for text in texts)

    def leaks(self, least_unseen: float) -> Iterator[str]:
        """Describe each near-duplicate across files, and each label with too few new strings, in a sentence."""
        yield from self.near_duplicate_leaks()
        yield from self.few_unseen(least_unseen)

    def near_duplicate_leaks(self) -> Iterator[str]:
        """Describe each near-duplicate across files in a sentence."""
        for files, texts, similarity in self.near_duplicates:
            if files[0] != files[1]:
                yield f"near-duplicates ({similarity:.2f}) in {files[0]} and {files[1]}: {texts[0]!r} and {texts[1]!r}"

    def few_unseen(self, least: float) -> Iterator[str]:
        """Describe each label with too few new strings in a sentence."""
        for label in self.disjoint:
            new, total = self.unseen(label)
            if new < least * total:
                last = self.files[-1].name
                yield f"only {new} of {total} {label} strings of {last} are new, at least {least:.0%} should be"

    def absences(self) -> Iterator[str]:
        """Describe each word, form or label to count that no file has in a sentence."""
        if self.word and not self.has_word:
            yield f"no text has the word {self.word!r}, so there is no table of it"
        known = {*self.labels, TEXT}
        for kind, names in (("forms of", self.forms), ("new strings of", self.disjoint)):
            absent = [name for name in names if name not in known]
            if absent:
                yield f"no entity has the labels {', '.join(absent)}, so there is no table of the {kind} them"
