"""Labelled sentences: reading, joining and varying them."""

import json
from pathlib import Path
from random import Random
from typing import Iterator, NamedTuple, Optional, Sequence

from ..errors import ReadError
from ..types import Span


class LabelledSentence(NamedTuple):
    """A text with entities.

    text (str): The text.
    ents (tuple[Span, ...]): Ranges of characters, in text order, not overlapping.
    intent (Optional[str]): None if the source has none.
    source (str): Data set of the sentence, which has one set of labels and one annotation guideline.
    """

    text: str
    ents: tuple[Span, ...]
    intent: Optional[str]
    source: str


def read_sentences(path: Path) -> list[LabelledSentence]:
    """Read JSON Lines: `{"text", "ents": [[start, end, label]], "cats": {intent: 1.0}, "source"}`.

    path (Path): The file.
    RETURNS (list[LabelledSentence]): Sentences in the order of the file.
    RAISES (ReadError): If a line is not such a record, or the file has none.
    """
    try:
        lines = path.read_text(encoding="utf8").split("\n")
    except OSError as error:
        raise ReadError(f"Cannot read the sentences: {error}. Name a file of JSON Lines with text, ents and source.") from None
    sentences = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                record = json.loads(line)
                ents = tuple(sorted(Span(*ent) for ent in record["ents"]))
                intent = next(iter(record.get("cats") or {}), None)
                sentences.append(LabelledSentence(record["text"], ents, intent, record["source"]))
            except (ValueError, KeyError, TypeError) as error:
                raise ReadError(f"Line {number} of {path} is no labelled sentence ({error!r}): {line[:80]!r}") from None
    if not sentences:
        raise ReadError(f"{path} holds no sentences. Name a file of JSON Lines with text, ents and source.")
    return sentences


def join_sentences(sentences: Sequence[LabelledSentence], separator: str) -> LabelledSentence:
    """Join sentences of one source to one text.

    sentences (Sequence[LabelledSentence]): The sentences; the first one gives the text its intent.
    separator (str): Text between two sentences.
    RETURNS (LabelledSentence): The joined text.
    """
    text, ents = "", []
    for sentence in sentences:
        text += separator if text else ""
        offset = len(text)
        text += sentence.text
        ents += [Span(start + offset, end + offset, label) for start, end, label in sentence.ents]
    return LabelledSentence(text, tuple(ents), sentences[0].intent, sentences[0].source)


def replace_entities(sentence: LabelledSentence, values: Sequence[Optional[tuple[str, str]]]) -> LabelledSentence:
    """Replace entities by other values.

    sentence (LabelledSentence): The sentence.
    values (Sequence[Optional[tuple[str, str]]]): New text and label of each entity, None to keep it.
    RETURNS (LabelledSentence): The sentence with the values as its entities.
    """
    text, ents, last_end = "", [], 0
    for (start, end, label), value in zip(sentence.ents, values):
        text += sentence.text[last_end:start]
        ent_text, label = value or (sentence.text[start:end], label)
        ents.append(Span(len(text), len(text) + len(ent_text), label))
        text, last_end = text + ent_text, end
    return sentence._replace(text=text + sentence.text[last_end:], ents=tuple(ents))


def vary_case(sentence: LabelledSentence, rng: Random) -> LabelledSentence:
    """Write a sentence in lower case sometimes, in capitals rarely, where that moves no character."""
    draw = rng.random()
    text = sentence.text.lower() if draw < 0.15 else sentence.text.upper() if draw < 0.18 else sentence.text
    return sentence._replace(text=text) if len(text) == len(sentence.text) else sentence


def labels_by_source(sentences: Sequence[LabelledSentence]) -> dict[str, list[str]]:
    """Collect the labels of each source, sorted."""
    found: dict[str, set[str]] = {}
    for sentence in sentences:
        found.setdefault(sentence.source, set()).update(label for _, _, label in sentence.ents)
    return {source: sorted(labels) for source, labels in found.items()}


def cycle_shuffled(sentences: Sequence[LabelledSentence], rng: Random) -> Iterator[LabelledSentence]:
    """Iterate over all sentences in random order, again and again."""
    while True:
        yield from rng.sample(sentences, len(sentences))
