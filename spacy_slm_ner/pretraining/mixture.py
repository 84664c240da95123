"""`spacy-slm-ner.Mixture.v2`: an endless corpus of extraction tasks made from labelled sentences."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Union

from spacy.language import Language
from spacy.tokens import Span
from spacy.training import Example

from ..formats.open_labels import TASK, OpenLabels, Task
from .fake_values import PERSON_LABELS, FakeValues
from .sentences import LabelledSentence, cycle_shuffled, join_sentences, labels_by_source, read_sentences, vary_case

LABEL_NAMES: dict[str, list[str]] = json.loads((files(__package__) / "data" / "label_names.json").read_text(encoding="utf8"))
# Separators of sentences that are joined to one text.
SEPARATORS = (" ", " ", "\n")
# Sentences are joined until the text has one of these numbers of characters, because most are shorter than a message.
MIN_LENGTHS = (0, 0, 60, 120, 180)


def create_mixture(
    path: Union[str, Path], formats: Dict[str, float], seed: int = 0, limit: int = 0
) -> Callable[[Language], Iterable[Example]]:
    """Make a corpus reader for `max_epochs = -1`, registered as `spacy-slm-ner.Mixture.v1`.

    path (Union[str, Path]): JSON Lines, as `read_sentences` takes them.
    formats (Dict[str, float]): Frequency of each prompt format, by its name without version.
    seed (int): Seed of the random number generator.
    limit (int): Number of tasks; 0 for no end.
    RETURNS (Callable[[Language], Iterable[Example]]): The corpus.
    """

    return create_mixture_v2(path, formats, seed, limit, together=1)


def create_mixture_v2(
    path: Union[str, Path], formats: Dict[str, float], seed: int = 0, limit: int = 0, together: int = 1
) -> Callable[[Language], Iterable[Example]]:
    """The same, registered as `spacy-slm-ner.Mixture.v2`, with neighbouring texts under one task.

    together (int): Number of texts of one source that are asked for the same labels and intents, one behind the other: a batch
        that keeps their order reads their prompt once.
    """
    if together < 1:
        raise ValueError(f"Got together = {together}, allowed is 1 or more.")

    def corpus(nlp: Language) -> Iterator[Example]:
        rng = Random(seed)
        tasks = TaskMaker(read_sentences(Path(path)), formats, rng, together)
        for number, (sentence, task) in enumerate(tasks):
            if limit and number >= limit:
                return
            example = to_example(nlp, sentence, task)
            if example is not None:
                yield example

    return corpus


@dataclass
class TaskMaker:
    """Endless stream of random tasks.

    sentences (Sequence[LabelledSentence]): Sentences of all sources.
    formats (Dict[str, float]): Frequency of each prompt format, by its name without version.
    rng (Random): Random number generator.
    together (int): Number of neighbouring texts under one task.
    """

    sentences: Sequence[LabelledSentence]
    formats: Dict[str, float]
    rng: Random
    together: int = 1

    def __iter__(self) -> Iterator[tuple[LabelledSentence, Task]]:
        labels = labels_by_source(self.sentences)
        by_source = {source: [one for one in self.sentences if one.source == source] for source in labels}
        intents = {source: sorted({one.intent for one in by_source[source] if one.intent}) for source in labels}
        fakes = FakeValues(self.rng)
        for first in cycle_shuffled(self.sentences, self.rng):
            source = first.source
            others = self.rng.choices(by_source[source], k=self.together - 1)
            person_labels = [label for label in labels[source] if label in PERSON_LABELS]
            texts = []
            for one in (first, *others):
                sentence = fakes.replace_some(self.join_to_length(one, by_source[source]))
                if person_labels and self.rng.random() < 0.4:
                    sentence = fakes.as_message(sentence, person_labels[0])
                texts.append(vary_case(sentence, self.rng))
            yield from self.choose_task(texts, labels[source], intents[source])

    def join_to_length(self, first: LabelledSentence, others: Sequence[LabelledSentence]) -> LabelledSentence:
        """Join random sentences to a first one, up to a random length."""
        joined, min_length = [first], self.rng.choice(MIN_LENGTHS)
        while sum(len(sentence.text) for sentence in joined) < min_length:
            joined.append(self.rng.choice(others))
        return join_sentences(joined, self.rng.choice(SEPARATORS))

    def choose_task(
        self, sentences: Sequence[LabelledSentence], labels: Sequence[str], intents: Sequence[str]
    ) -> Iterator[tuple[LabelledSentence, Task]]:
        """Choose labels, intents and format of a task at random.

        sentences (Sequence[LabelledSentence]): The texts under it.
        labels (Sequence[str]): Labels of their source.
        intents (Sequence[str]): Intents of their source.
        YIELDS (tuple[LabelledSentence, Task]): Each text with the entities of the labels, and the task.
        """
        names = {label: self.label_name(label) for label in self.choose_labels(sentences, labels)}
        chosen_intents = self.choose_intents([sentence.intent for sentence in sentences], intents)
        format = self.rng.choices(list(self.formats), list(self.formats.values()))[0]
        task = Task(format=format, labels=list(dict.fromkeys(names.values())), intents=chosen_intents)
        for sentence in sentences:
            ents = tuple(ent._replace(label=names[ent.label]) for ent in sentence.ents if ent.label in names)
            yield sentence._replace(ents=ents), task

    def choose_labels(self, sentences: Sequence[LabelledSentence], labels: Sequence[str]) -> List[str]:
        """Choose most of the labels that texts have, and some of their source that they lack."""
        present = sorted({label for sentence in sentences for _, _, label in sentence.ents})
        absent = [label for label in labels if label not in present]
        chosen = [label for label in present if self.rng.random() < 0.85]
        chosen += self.rng.sample(absent, min(len(absent), self.rng.choice((0, 1, 1, 2, 3))))
        if not chosen:
            chosen = [self.rng.choice(list(labels))]
        self.rng.shuffle(chosen)
        return chosen

    def choose_intents(self, named: Sequence[Optional[str]], intents: Sequence[str]) -> List[str]:
        """Choose the intents of texts and some others of their source, or often none at all."""
        own = list(dict.fromkeys(intent for intent in named if intent))
        if not own or not all(named) or self.rng.random() >= 0.7:
            return []
        others = [other for other in intents if other not in own]
        chosen = [*own, *self.rng.sample(others, min(len(others), self.rng.choice((1, 1, 2, 4))))]
        self.rng.shuffle(chosen)
        return chosen

    def label_name(self, label: str) -> str:
        """Choose a name for a label, and whether it is in capitals or lower case."""
        name = self.rng.choice(LABEL_NAMES.get(label, [label, label.replace("_", " ")]))
        return self.rng.choice((name, name, name.upper(), name.lower()))


def create_task_length() -> Callable[[Example], int]:
    """Make a length function for a batcher, registered as `spacy-slm-ner.TaskLength.v1`.

    It counts the answers too, so that tasks of all formats are batched by their length.

    RETURNS (Callable[[Example], int]): Number of characters of the text and of the right answer.
    """

    def task_length(eg: Example) -> int:
        questions = OpenLabels(()).questions(eg.reference)
        return len(eg.reference.text) + sum(len(question.target(eg.reference)) for question in questions)

    return task_length


def to_example(nlp: Language, sentence: LabelledSentence, task: Task) -> Optional[Example]:
    """Make an example of a task, None if two entities share a token."""
    predicted, reference = nlp.make_doc(sentence.text), nlp.make_doc(sentence.text)
    spans = [reference.char_span(start, end, label=label, alignment_mode="expand") for start, end, label in sentence.ents]
    kept: list[Span] = []
    for span in spans:
        if span is None or (kept and span.start < kept[-1].end):
            return None
        kept.append(span)
    reference.set_ents(kept, default="outside")
    for doc in (predicted, reference):
        doc.user_data[TASK] = task
    reference.cats = {intent: float(intent == sentence.intent) for intent in task["intents"]}
    return Example(predicted, reference)
