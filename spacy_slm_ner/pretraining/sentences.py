"""LabelledFormat sentences, and how they are varied."""

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
    source (str): Sentences of one source are labelled after the same rules.
    """

    text: str
    ents: tuple[Span, ...]
    intent: Optional[str]
    source: str


def read_sentences(path: Path) -> list[LabelledSentence]:
    """Read JSON Lines: `{"text", "ents": [[start, end, label]], "cats": {intent: 1.0}, "source"}`.

    RAISES (ReadError): If a line is something else, or there is none.
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


def join_sentences(sentences: Sequence[LabelledSentence], glue: str) -> LabelledSentence:
    """One text out of several of the same source; its intent is the first one's."""
    text, ents = "", []
    for sentence in sentences:
        offset = len(text) + (len(glue) if text else 0)
        text += (glue if text else "") + sentence.text
        ents += [Span(start + offset, end + offset, label) for start, end, label in sentence.ents]
    return LabelledSentence(text, tuple(ents), sentences[0].intent, sentences[0].source)


def fill(sentence: LabelledSentence, values: Sequence[Optional[tuple[str, str]]]) -> LabelledSentence:
    """Put other values into the place of entities.

    sentence (LabelledSentence): The sentence.
    values (Sequence[Optional[tuple[str, str]]]): For each entity its new text and label, None to leave it.
    """
    text, ents, last = "", [], 0
    for (start, end, label), value in zip(sentence.ents, values):
        text += sentence.text[last:start]
        word, label = value or (sentence.text[start:end], label)
        ents.append(Span(len(text), len(text) + len(word), label))
        text, last = text + word, end
    return sentence._replace(text=text + sentence.text[last:], ents=tuple(ents))


def vary_case(sentence: LabelledSentence, rng: Random) -> LabelledSentence:
    """Sometimes all in lower case, seldom all in capitals, where that moves no character."""
    draw = rng.random()
    text = sentence.text.lower() if draw < 0.15 else sentence.text.upper() if draw < 0.18 else sentence.text
    return sentence._replace(text=text) if len(text) == len(sentence.text) else sentence


def labels_by_source(sentences: Sequence[LabelledSentence]) -> dict[str, list[str]]:
    """All labels that occur in each source, sorted."""
    found: dict[str, set[str]] = {}
    for sentence in sentences:
        found.setdefault(sentence.source, set()).update(label for _, _, label in sentence.ents)
    return {source: sorted(labels) for source, labels in found.items()}


def endless(items: Sequence[LabelledSentence], rng: Random) -> Iterator[LabelledSentence]:
    """Every item once in random order, again and again."""
    while True:
        yield from rng.sample(items, len(items))
