"""InlineTags: the text copied with marks, `Move it to <TIME>6 pm</TIME> on <DATE>Friday</DATE>`; with intents, a first
line `intent: cancel`.

The copy is complete, so every word keeps its place and nothing needs to be counted. An angle bracket of the text itself is
written `\\<`, and so are those of a label. An empty answer says that there is no entity.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..alignment import Mention, locate
from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from ..types import Span
from .base import (
    FormatFactory,
    Found,
    LabelledFormat,
    Message,
    Parsed,
    PromptFormat,
    escape_label,
    gold_spans,
    labels_by_name,
    unescape,
)
from .prompts import render_prompt
from .tokens import WrittenTokens

INTENT = "intent: "
# An escaped character matches first, so that it can neither open nor close a mark.
MARKED = re.compile(r"\\.|<(?P<label>(?!/)(?:\\.|[^<>\\])+)>(?P<words>(?:\\.|[^\\])+?)</(?P=label)>", re.DOTALL)


def mark_name(label: str) -> str:
    """How a label is written in a mark. A slash would close it, if it came first."""
    written = escape_label(label, "<>")
    return f"\\{written}" if written.startswith("/") else written


@dataclass(frozen=True)
class InlineTags(LabelledFormat):
    """See the module."""

    def for_doc(self, doc: Doc) -> PromptFormat:
        return self

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("inline_tags", self.labels, self.intents, doc.text)

    def target(self, doc: Doc) -> str:
        copy = Copy.of(doc)
        opening = {span.start: mark_name(span.label) for span in gold_spans(doc)}
        closing = {span.end - 1: mark_name(span.label) for span in gold_spans(doc)}
        parts = [f"{INTENT}{best_category(doc.cats)}\n"] if self.intents else []
        for i, (word, space) in enumerate(zip(copy.words, copy.spaces)):
            parts += [f"<{opening[i]}>"] if i in opening else []
            parts += [word]
            parts += [f"</{closing[i]}>"] if i in closing else []
            parts += [space]
        return "".join(parts)

    def constraint(self, doc: Doc) -> Grammar:
        return InlineTagsGrammar(Copy.of(doc), tuple(self.labels), tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> Parsed:
        intent, body = self._split_intent(text)
        offset = len(text) - len(body)
        if not body.strip():
            return Parsed([], intent, [])
        copy = Copy.of(doc)
        if MARKED.sub(lambda match: match["words"] or match[0], body) == copy.text:
            found = [self._by_position(match, removed, copy, offset) for match, removed in marks(body)]
            if all(found):
                return Parsed([one for one in found if one], intent, [])
        return self._by_words(body, doc, offset, intent)

    def _split_intent(self, text: str) -> tuple[Optional[str], str]:
        first, _, rest = text.partition("\n")
        named = first.strip().removeprefix(INTENT)
        return (named, rest) if self.intents and named in self.intents else (None, text)

    def _by_position(self, match: re.Match[str], removed: int, copy: "Copy", offset: int) -> Optional[Found]:
        """The entity of a mark in a complete copy, by its place."""
        first = match.start() - removed
        start, end = copy.starts.get(first), copy.ends.get(first + len(match["words"]))
        label = unescape(match["label"])
        if label not in self.labels or start is None or end is None:
            return None
        return Found(Span(start, end, label), match.start() + offset, match.end() + offset)

    def _by_words(self, body: str, doc: Doc, offset: int, intent: Optional[str]) -> Parsed:
        """The entities of an answer that is no complete copy, by their words."""
        problems = ["the copy differs from the text, or a mark cuts a word"]
        by_name = labels_by_name(self.labels)
        named = [(match, by_name.get(unescape(match["label"]).casefold())) for match, _ in marks(body)]
        matches = [match for match, label in named if label is not None]
        mentions = [Mention((unescape(match["words"]),), label) for match, label in named if label is not None]
        found: list[Found] = []
        for match, place in zip(matches, locate(doc.text, mentions)):
            span = place.span and doc.char_span(place.span.start, place.span.end, alignment_mode="expand")
            if (
                not place.span
                or span is None
                or any(span.start < other.span.end and other.span.start < span.end for other in found)
            ):
                problems.append(f"not in the text: {match['words']!r}")
            else:
                where = Span(span.start, span.end, place.span.label)
                found.append(Found(where, match.start() + offset, match.end() + offset))
        return Parsed(sorted(found), intent, problems)


def marks(body: str) -> Iterator[tuple[re.Match[str], int]]:
    """Each mark of an answer, and how many characters of marks stand before its words."""
    removed = 0
    for match in MARKED.finditer(body):
        if match["label"] is None:
            continue
        yield match, removed
        removed += len(match[0]) - len(match["words"])


@dataclass(frozen=True)
class Copy(WrittenTokens):
    """Tokens as they are copied, and where each stands in the copy."""

    special = "<"

    @property
    def text(self) -> str:
        return "".join(word + space for word, space in zip(self.words, self.spaces))

    @cached_property
    def starts(self) -> dict[int, int]:
        """Token that starts at a character."""
        lengths = (len(word) + len(space) for word, space in zip(self.words, self.spaces))
        return {start: i for i, start in enumerate(accumulate(lengths, initial=0)) if i < len(self.words)}

    @cached_property
    def ends(self) -> dict[int, int]:
        """Token behind the one that ends before a character, its white space left aside."""
        return {start + len(self.words[i]): i + 1 for start, i in self.starts.items()}


@dataclass(frozen=True)
class InlineTagsGrammar:
    """States: "intent"; ("outside", tokens copied); ("open", token, label), right behind a mark; ("inside", tokens copied,
    label)."""

    copy: Copy
    labels: tuple[str, ...]
    intents: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("intent",) if self.intents else ("outside", 0)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("intent",):
                return [Edge(f"{INTENT}{intent}\n", ("outside", 0)) for intent in self.intents]
            case ("outside", int(i)):
                return list(self._outside(i))
            case ("open", int(i), label):
                return [Edge(self.copy.words[i], ("inside", i + 1, label))]
            case ("inside", int(i), label):
                return list(self._inside(i, label))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _outside(self, i: int) -> Iterator[Edge]:
        if i < len(self.copy.words):
            yield Edge(self.copy.words[i] + self.copy.spaces[i], ("outside", i + 1))
            labels = () if self.copy.blank[i] else self.labels
            yield from (Edge(f"<{mark_name(label)}>", ("open", i, label)) for label in labels)

    def _inside(self, i: int, label: str) -> Iterator[Edge]:
        space = self.copy.spaces[i - 1]
        yield Edge(f"</{mark_name(label)}>{space}", ("outside", i))
        if i < len(self.copy.words):
            yield Edge(space + self.copy.words[i], ("inside", i + 1, label))

    def may_end(self, state: State) -> bool:
        return state in (("outside", 0), ("outside", len(self.copy.words)))


def create_inline_tags() -> FormatFactory:
    """Registered as `spacy-slm-ner.InlineTags.v1`. RETURNS (FormatFactory): Makes the format for labels and intents."""
    return InlineTags
