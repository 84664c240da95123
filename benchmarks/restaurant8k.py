"""The outside check: booking turns of Restaurant8k (PolyAI, CC BY 4.0), which nothing here was ever trained on.

    python benchmarks/restaurant8k.py ../shared/data/restaurant8k/train_5.json corpus/restaurant8k.spacy
    python -m spacy_slm_ner evaluate training/trf/model-best corpus/restaurant8k.spacy --labels DATE,TIME,NAME --output
    metrics/outside.json

DATE is the slot `date`, TIME the slot `time`, NAME the slots `first_name` and `last_name`, one entity where they stand
side by side. All other slots are ignored. Punctuation that the annotators took along at the end of a value ("Saturday,")
is trimmed.
"""

import json
import sys
from pathlib import Path
from typing import Any, Iterator

import spacy
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.tokens import Span as DocSpan
from spacy.util import filter_spans

from spacy_slm_ner.types import Span

LABELS = {"date": "DATE", "time": "TIME", "first_name": "NAME", "last_name": "NAME"}


def slot_spans(turn: dict[str, Any]) -> Iterator[Span]:
    """Entities of one turn as ranges of characters; a missing startIndex means 0."""
    text = turn["userInput"]["text"]
    for label in turn.get("labels", []):
        if label["slot"] in LABELS and "valueSpan" in label:
            start, end = label["valueSpan"].get("startIndex", 0), label["valueSpan"]["endIndex"]
            trimmed = text[start:end].rstrip(" ,;:!?")
            if not trimmed.endswith("m."):  # "8pm." ends a sentence, "8 p.m." does not
                trimmed = trimmed.rstrip(".")
            elif not trimmed.endswith(".m."):
                trimmed = trimmed[:-1]
            yield Span(start, start + len(trimmed), LABELS[label["slot"]])


def merge_names(spans: list[Span], text: str) -> Iterator[Span]:
    """Entities in text order, names that only a space parts as one."""
    last: Span | None = None
    for span in sorted(spans):
        if last and last.label == span.label == "NAME" and text[last.end : span.start].strip() == "":
            last = last._replace(end=span.end)
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def gold_spans(turn: dict[str, Any], doc: Any) -> list[DocSpan]:
    merged = merge_names(list(slot_spans(turn)), doc.text)
    spans = [doc.char_span(start, end, label, alignment_mode="expand") for start, end, label in merged]
    return filter_spans([span for span in spans if span is not None])


def build(path: Path, nlp: Language) -> DocBin:
    docs = []
    for turn in json.loads(path.read_text(encoding="utf8")):
        doc = nlp.make_doc(turn["userInput"]["text"])
        doc.ents = gold_spans(turn, doc)
        docs.append(doc)
    return DocBin(docs=docs)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    build(source, spacy.blank("en")).to_disk(target)
