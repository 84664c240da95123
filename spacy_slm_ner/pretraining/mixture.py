"""`spacy-slm-ner.Mixture.v1`: an endless corpus of tasks made from labelled sentences."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Callable, Dict, Iterable, Iterator, List, Sequence, Union

from spacy.language import Language
from spacy.tokens import Span
from spacy.training import Example

from ..formats.open_labels import TASK, OpenLabels, Task
from .fake_values import PERSON, FakeValues
from .sentences import LabelledSentence, endless, join_sentences, labels_by_source, read_sentences, vary_case

LABEL_NAMES: dict[str, list[str]] = json.loads((files(__package__) / "data" / "label_names.json").read_text(encoding="utf8"))
# What stands between sentences that are joined to one text.
GLUES = (" ", " ", "\n")
# Sentences are joined until the text has one of these numbers of characters: most are shorter than a message.
LENGTHS = (0, 0, 60, 120, 180)


def create_mixture(
    path: Union[str, Path], formats: Dict[str, float], seed: int = 0, limit: int = 0
) -> Callable[[Language], Iterable[Example]]:
    """Registered as `spacy-slm-ner.Mixture.v1`, for `max_epochs = -1`.

    path (Union[str, Path]): JSON Lines, as `read_sentences` takes them.
    formats (Dict[str, float]): How often each prompt format is asked for, by its name without version.
    seed (int): Of all draws.
    limit (int): Number of examples; 0 for no end.
    RETURNS (Callable[[Language], Iterable[Example]]): The corpus.
    """

    def corpus(nlp: Language) -> Iterator[Example]:
        rng = Random(seed)
        tasks = TaskMaker(read_sentences(Path(path)), formats, rng)
        for number, (sentence, task) in enumerate(tasks):
            if limit and number >= limit:
                return
            example = to_example(nlp, sentence, task)
            if example is not None:
                yield example

    return corpus


@dataclass
class TaskMaker:
    """Draws tasks.

    sentences (Sequence[LabelledSentence]): All there are.
    formats (Dict[str, float]): See `create_mixture`.
    rng (Random): Source of all draws.
    """

    sentences: Sequence[LabelledSentence]
    formats: Dict[str, float]
    rng: Random

    def __iter__(self) -> Iterator[tuple[LabelledSentence, Task]]:
        known = labels_by_source(self.sentences)
        intents = {source: sorted({s.intent for s in self.sentences if s.source == source and s.intent}) for source in known}
        by_source = {source: [s for s in self.sentences if s.source == source] for source in known}
        fakes = FakeValues(self.rng)
        for sentence in endless(self.sentences, self.rng):
            joined, least = [sentence], self.rng.choice(LENGTHS)
            while sum(len(one.text) for one in joined) < least:
                joined.append(self.rng.choice(by_source[sentence.source]))
            sentence = fakes.refill(join_sentences(joined, self.rng.choice(GLUES)))
            people = [label for label in known[sentence.source] if label in PERSON]
            if people and self.rng.random() < 0.4:
                sentence = fakes.as_message(sentence, people[0])
            yield self.ask(vary_case(sentence, self.rng), known[sentence.source], intents[sentence.source])

    def ask(self, sentence: LabelledSentence, known: Sequence[str], intents: Sequence[str]) -> tuple[LabelledSentence, Task]:
        """Ask for some of the labels of a text and some that it lacks, by any of their names."""
        present = sorted({label for _, _, label in sentence.ents})
        absent = [label for label in known if label not in present]
        asked = [label for label in present if self.rng.random() < 0.85]
        asked += self.rng.sample(absent, min(len(absent), self.rng.choice((0, 1, 1, 2, 3))))
        if not asked:
            asked = [self.rng.choice(list(known))]
        self.rng.shuffle(asked)
        names = {label: self.name(label) for label in asked}
        ents = tuple(ent._replace(label=names[ent.label]) for ent in sentence.ents if ent.label in names)
        offered: List[str] = []
        if sentence.intent and self.rng.random() < 0.7:
            others = [intent for intent in intents if intent != sentence.intent]
            offered = [sentence.intent, *self.rng.sample(others, min(len(others), self.rng.choice((1, 1, 2, 4))))]
            self.rng.shuffle(offered)
        format = self.rng.choices(list(self.formats), list(self.formats.values()))[0]
        task = Task(format=format, labels=list(dict.fromkeys(names.values())), intents=offered)
        return sentence._replace(ents=ents), task

    def name(self, label: str) -> str:
        """One of the ways to write a label."""
        name = self.rng.choice(LABEL_NAMES.get(label, [label, label.replace("_", " ")]))
        return self.rng.choice((name, name, name.upper(), name.lower()))


def create_task_length() -> Callable[[Example], int]:
    """Registered as `spacy-slm-ner.TaskLength.v1`: what a batcher needs to put tasks of like length together, whatever their
    formats are.

    RETURNS (Callable[[Example], int]): Number of characters of the text and of the answer to an example of the mixture.
    """

    def task_length(eg: Example) -> int:
        return len(eg.reference.text) + len(OpenLabels(()).target(eg.reference))

    return task_length


def to_example(nlp: Language, sentence: LabelledSentence, task: Task) -> "Example | None":
    """As spaCy has it; None where the tokens do not fit the entities."""
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
