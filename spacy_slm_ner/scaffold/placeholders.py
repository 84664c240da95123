"""Records that hold the place of a user's own: they show the form, and every command of the project runs with them."""

from itertools import count
from typing import Any, Iterator, Mapping, Sequence

MODEL = "none: placeholders that `spacy-slm-ner init` wrote"
LEAST_RECORDS = 3
TRAINING_RECORDS_PER_LABEL = 3
# Sentences of different files share few words, so that `check` finds no leaks. The entity stands before the name of its label.
SENTENCES: Mapping[str, Sequence[str]] = {
    "train": (
        "Placeholder {number}: put a text of yours here, in which {entity} stands for {label}",
        "Replace this line as well; {entity}, an example of {label}, shows how a record is written",
        "Of the words in a text, {entity} alone is listed, because it is a {label}",
    ),
    "dev": ("Another made-up message with {entity} somewhere between other words, labelled {label} during development",),
    "test": ("Nobody ever wrote such sentences: {entity} pretends to be one {label} so that scores can be computed",),
}
WITHOUT_ENTITY: Mapping[str, str] = {
    "train": "Some texts, like placeholder {number}, have no entity at all",
    "dev": "Nothing to find in development message {number}",
    "test": "An empty list says that sentence {number} is a negative example",
}


def placeholder_sets(labels: Sequence[str], intents: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Make the record files of a new project.

    labels (Sequence[str]): Labels; each occurs in every file.
    intents (Sequence[str]): Intents; each occurs in every file. Empty for records without any.
    RETURNS (dict[str, dict[str, Any]]): The contents of train.json, dev.json and test.json by "train", "dev" and "test".
    """
    numbers = count(1)
    datasets = {part: list(records(part, labels, intents, numbers)) for part in SENTENCES}
    return {part: {"system_prompt": "", "model": MODEL, "dataset": dataset} for part, dataset in datasets.items()}


def records(part: str, labels: Sequence[str], intents: Sequence[str], numbers: Iterator[int]) -> Iterator[dict[str, Any]]:
    """Make the records of a file."""
    each = TRAINING_RECORDS_PER_LABEL if part == "train" else 1
    for i in range(max(LEAST_RECORDS, each * len(labels), len(intents))):
        sentence = SENTENCES[part][i // len(labels) % len(SENTENCES[part])]
        yield record(sentence, labels[i % len(labels)], intents[i % len(intents)] if intents else "", next(numbers))
    yield record(WITHOUT_ENTITY[part], "", intents[0] if intents else "", next(numbers))


def record(sentence: str, label: str, intent: str, number: int) -> dict[str, Any]:
    """Fill a sentence.

    label (str): Label of its entity; "" for none.
    intent (str): "" for none.
    number (int): Tells the entity and the text from all others.
    """
    entity = ["Sample", str(number)] if label else []
    text = sentence.format(entity=" ".join(entity), label=label, number=number) + (f" (intent: {intent})." if intent else ".")
    words = [{"word": word, "label": f"{prefix}-{label}"} for word, prefix in zip(entity, "BI")]
    return {"text": text, "labels": words, **({"intent": intent} if intent else {})}
