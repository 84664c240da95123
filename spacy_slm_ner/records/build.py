"""From checked records and sentences to Docs with gold entities and intents."""

from typing import Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from ..alignment import Located, locate
from ..labels import Scheme, decode_tags
from ..types import Span
from .mentions import Problem, read_mentions
from .read_conll import ConllSentence
from .schema import Record


def record_to_doc(
    record: Record, nlp: Language, labels: Sequence[str] = (), intents: Sequence[str] = ()
) -> tuple[Doc, list[Problem]]:
    """Make the gold Doc of a record.

    record (Record): The record.
    nlp (Language): Its tokenizer makes the tokens.
    labels (Sequence[str]): Allowed labels; empty for any.
    intents (Sequence[str]): All intents of the data set; empty if texts have none.
    RETURNS (tuple[Doc, list[Problem]]): Doc whose `ents` are set (to [] if there are none, so that the text counts as a
        negative example) and whose `cats` hold 1.0 for the intent and 0.0 for the others, and what had to be mended.
    """
    mentions, problems = read_mentions(record, labels)
    located = locate(record.text, mentions)
    problems += [problem for place in located for problem in describe_location(place, record.text)]
    doc = nlp.make_doc(record.text)
    doc.ents, cuts = token_spans(doc, [place.span for place in located if place.span is not None])
    cats, unknown = intent_to_cats(record.intent, intents)
    doc.cats = cats
    return doc, problems + cuts + unknown


def describe_location(place: Located, text: str) -> list[Problem]:
    """One problem for each remarkable thing about how a mention was located."""
    words = " ".join(place.words)
    found = "not found" if place.span is None else f"found as {text[place.span.start : place.span.end]!r}"
    return [Problem(status, f"{words!r} {found}") for status in place.statuses]


def token_spans(doc: Doc, spans: Sequence[Span]) -> tuple[list[DocSpan], list[Problem]]:
    """Fit ranges of characters to tokens; what cuts a token is widened, what then overlaps is left out."""
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
    """Exclusive categories of an intent; none at all if the record has no (known) intent."""
    if intent is None or (not intent and not intents):
        return {}, []
    if intent not in intents:
        return {}, [Problem("unknown_intent", f"got {intent!r}, allowed are {', '.join(intents)}")]
    return {name: float(name == intent) for name in intents}, []


def sentence_to_doc(sentence: ConllSentence, nlp: Language, scheme: Scheme) -> tuple[Optional[Doc], list[Problem]]:
    """Make the gold Doc of a CoNLL sentence. Its words are the tokens, as published, with a space between any two.

    sentence (ConllSentence): Words and tags.
    nlp (Language): Gives the vocabulary.
    scheme (Scheme): Scheme of the tags: where inside tags may not open an entity, one that does is damage.
    RETURNS (tuple[Optional[Doc], list[Problem]]): Doc whose `ents` are set, and what had to be mended; None if the sentence has
        a fault.
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
