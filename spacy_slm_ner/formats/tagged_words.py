"""Tagged words of an answer that is a copy of the text, for the formats that mark entities in one."""

from typing import NamedTuple, Optional, Sequence

import spacy.tokens
from spacy.tokens import Doc

from ..alignment import Mention, fold, locate
from ..types import Span
from .answer_problems import describe
from .base import FoundEntity, ParsedAnswer, escape_label, labels_by_name, unescape


def tag_name(label: str) -> str:
    """Write a label in a tag. A slash at its start is escaped, because it would make a closing tag."""
    written = escape_label(label, "<>")
    return f"\\{written}" if written.startswith("/") else written


class TaggedWords(NamedTuple):
    """Words between two tags of an answer, with their range of characters, tags included.

    label (str): Label as written.
    words (str): Words as written.
    start (int): First character.
    end (int): Position after the last character.
    copy_start (int): First character of the words in the copy without tags, where it is asked for.
    most_tokens (Optional[int]): Number of tokens that are tagged, where the marks tell: the first one may stand behind others
        without a space.
    """

    label: str
    words: str
    start: int
    end: int
    copy_start: int = 0
    most_tokens: Optional[int] = None


def to_span(tokens: spacy.tokens.Span, most_tokens: Optional[int]) -> Span:
    """Return a range of tokens, shortened from its start."""
    start = tokens.start if most_tokens is None else max(tokens.start, tokens.end - most_tokens)
    return Span(start, tokens.end, tokens.label_)


def find_by_words(
    copy: str, tagged: Sequence[TaggedWords], doc: Doc, labels: Sequence[str], intent: Optional[str]
) -> ParsedAnswer:
    """Find the entities of a copy that differs from the text by their words.

    copy (str): The copy, with its tags.
    tagged (Sequence[TaggedWords]): What the answer tags, in order.
    labels (Sequence[str]): Those that are known.
    intent (Optional[str]): That the answer names.
    """
    is_copy = bool(tagged) or fold(unescape(copy)) == fold(doc.text)
    note = "the copy differs from the text, or a mark cuts a word"
    problems: list[str] = [describe("inexact", copy.strip(), note) if is_copy else describe("no answer", copy.strip())]
    by_name = labels_by_name(labels)
    named = [by_name.get(unescape(one.label).casefold()) for one in tagged]
    known = [(one, label) for one, label in zip(tagged, named) if label is not None]
    for one, label in zip(tagged, named):
        if label is None:
            problems.append(describe("unknown label", unescape(one.label), f"of {unescape(one.words)!r:.40}"))
    mentions = [Mention((unescape(one.words),), label) for one, label in known]
    found: list[FoundEntity] = []
    for (one, _), located in zip(known, locate(doc.text, mentions)):
        tokens = located.span and doc.char_span(*located.span, alignment_mode="expand")
        span = to_span(tokens, one.most_tokens) if tokens is not None else None
        if span is None:
            problems.append(describe("not in the text", unescape(one.words)))
        elif taken := next((other for other in found if span.overlaps(other.span)), None):
            problems.append(describe("duplicate" if taken.span == span else "overlap", unescape(one.words)))
        else:
            found.append(FoundEntity(span, one.start, one.end))
    return ParsedAnswer(sorted(found), intent, problems)
