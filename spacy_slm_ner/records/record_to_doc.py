"""Build Docs with gold entities and intents from records and CoNLL sentences."""

from typing import Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from ..alignment import Located, locate
from ..labels import Scheme, decode_tags
from ..labels.names import is_name
from ..types import Span
from .mentions import Problem, read_mentions
from .read_annotations import Annotation
from .read_conll import ConllSentence
from .schema import Record


def record_to_doc(
    record: Record, nlp: Language, labels: Sequence[str] = (), intents: Sequence[str] = ()
) -> tuple[Doc, list[Problem]]:
    """Build the gold Doc of a record.

    record (Record): The record.
    nlp (Language): Pipeline whose tokenizer makes the tokens.
    labels (Sequence[str]): Allowed labels; empty for any.
    intents (Sequence[str]): All intents of the data set; empty if texts have none.
    RETURNS (tuple[Doc, list[Problem]]): Doc whose `ents` are set (to [] if there are none, so that the text counts as a
        negative example) and whose `cats` hold 1.0 for the intent and 0.0 for the others, and the damage that was mended.
    """
    mentions, problems = read_mentions(record, labels)
    located = locate(record.text, mentions)
    problems += [problem for mention in located for problem in location_problems(mention, record.text)]
    doc = nlp.make_doc(record.text)
    doc.ents, cuts = token_spans(doc, [mention.span for mention in located if mention.span is not None])
    cats, unknown = intent_to_cats(record.intent, intents)
    doc.cats = cats
    return doc, problems + cuts + unknown


def annotation_to_doc(
    annotation: Annotation, nlp: Language, labels: Sequence[str] = (), intents: Sequence[str] = ()
) -> tuple[Doc, list[Problem]]:
    """Build the gold Doc of a text whose entities are given by their offsets; see `record_to_doc`."""
    allowed, problems = [], []
    for span in annotation.spans():
        if (labels and span.label not in labels) or not is_name(span.label):
            problems.append(
                Problem("unknown_label", f"got {span.label!r}, allowed are {', '.join(labels) or 'texts on one line'}")
            )
        else:
            allowed.append(span)
    doc = nlp.make_doc(annotation.text)
    doc.ents, cuts = token_spans(doc, allowed)
    cats, unknown = intent_to_cats(annotation.intent, intents)
    doc.cats = cats
    return doc, problems + cuts + unknown


def location_problems(mention: Located, text: str) -> list[Problem]:
    """Return one problem for each status of a located mention."""
    words = " ".join(mention.words)
    found = "not found" if mention.span is None else f"found as {text[mention.span.start : mention.span.end]!r}"
    return [Problem(status, f"{words!r} {found}") for status in mention.statuses]


def token_spans(doc: Doc, spans: Sequence[Span]) -> tuple[list[DocSpan], list[Problem]]:
    """Align ranges of characters with tokens: widen those that cut a token, and leave out those that then overlap."""
    ents: list[DocSpan] = []
    problems = []
    for start, end, label in sorted(spans):
        ent = doc.char_span(start, end, label, alignment_mode="expand")
        assert ent is not None  # a non-empty range inside the text always expands to tokens
        if (ent.start_char, ent.end_char) != (start, end):
            problems.append(Problem("token_cut", f"{doc.text[start:end]!r} widened to {ent.text!r}"))
        if ents and ent.start < ents[-1].end:
            problems.append(Problem("overlap", f"{ent.text!r} ({label})"))
        else:
            ents.append(ent)
    return ents, problems


def intent_to_cats(intent: Optional[str], intents: Sequence[str]) -> tuple[dict[str, float], list[Problem]]:
    """Return the exclusive categories of an intent; none if the record has no (known) intent."""
    if intent is None or (not intent and not intents):
        return {}, []
    if intent not in intents:
        return {}, [Problem("unknown_intent", f"got {intent!r}, allowed are {', '.join(intents)}")]
    return {name: float(name == intent) for name in intents}, []


def sentence_to_doc(sentence: ConllSentence, nlp: Language, scheme: Scheme) -> tuple[Optional[Doc], list[Problem]]:
    """Build the gold Doc of a CoNLL sentence. Its words are the tokens, as published, separated by spaces.

    sentence (ConllSentence): Words and tags.
    nlp (Language): Pipeline that gives the vocabulary.
    scheme (Scheme): Scheme of the tags; in IOB2 and BILUO, an inside tag that opens an entity is damage.
    RETURNS (tuple[Optional[Doc], list[Problem]]): Doc whose `ents` are set, None if the sentence has a fault, and the damage that
        was mended.
    """
    if sentence.fault:
        return None, [Problem("invalid_record", sentence.fault)]
    doc = Doc(nlp.vocab, words=list(sentence.words))
    spans, orphans = decode_tags(sentence.tags)
    doc.ents = [DocSpan(doc, start, end, label) for start, end, label in spans]
    if scheme in ("IO", "IOB1"):
        return doc, []
    return doc, [
        Problem("orphan_inside", f"got {sentence.words[i]!r}: {sentence.tags[i]!r} without B- before it") for i in orphans
    ]
