"""Conversion of Docs with gold entities back to records."""

from typing import Optional, Sequence

from spacy.tokens import Doc

from ..alignment import Mention, locate
from ..types import Span
from .schema import Record, WordLabel


def doc_to_record(doc: Doc, intent: Optional[str] = None, scores: Sequence[Optional[float]] = ()) -> Record:
    """Write the record of a Doc: the tokens of its entities with BIO labels.

    Where the order of the entities would not identify them, their first words carry an `occurrence`.

    doc (Doc): Doc with gold entities.
    intent (Optional[str]): Its intent.
    scores (Sequence[Optional[float]]): Score of each entity, None where it is not known; empty if none is.
    RETURNS (Record): Record from which `record_to_doc` builds the same entities, with the same tokenizer.
    """
    mentions = [Mention(words_of(doc, ent.start, ent.end), ent.label_) for ent in doc.ents]
    gold = [Span(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
    found = [located.span for located in locate(doc.text, mentions)]
    exact = found == gold
    labels: list[WordLabel] = []
    for mention, span, score in zip(mentions, gold, scores or [None] * len(gold), strict=True):
        labels += [WordLabel(word=word, label=f"{'I' if i else 'B'}-{span.label}") for i, word in enumerate(mention.words)]
        if mention.words:
            occurrence = None if exact else occurrence_of(doc.text, mention, span)
            first = -len(mention.words)
            labels[first] = labels[first].model_copy(update={"occurrence": occurrence, "score": score})
    return Record(text=doc.text, labels=labels, intent=intent)


def words_of(doc: Doc, start: int, end: int) -> tuple[str, ...]:
    """Return the tokens of a range that are not white space."""
    return tuple(token.text for token in doc[start:end] if not token.is_space)


def occurrence_of(text: str, mention: Mention, span: Span) -> Optional[int]:
    """Return the occurrence of its words that an entity is, counted from 1; None if no number locates it."""
    for occurrence in range(1, text.count(mention.words[0]) + 1):
        (located,) = locate(text, [mention._replace(occurrence=occurrence)])
        if located.span == span:
            return occurrence
    return None
