"""SpanLines: one line an entity, `TIME: 6 pm`; with intents, a first line `intent: cancel`.

Lines follow the order of the text. A line means the next place behind the line before where the words stand; if a later
one is meant, the line counts: `TIME: 4 [2]` is the second `4` from here. Brackets of the text itself are written `\\[`, a
colon in a label `\\:`.
"""

import re
from dataclasses import dataclass, replace
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..alignment import fold
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

LINE = re.compile(r"\s*(?P<label>(?:\\.|[^:\\])*?)\s*:\s*(?P<words>\S.*?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?\s*")
INTENT = "intent"
# What ends a label.
ENDS_LABEL = ":"


@dataclass(frozen=True)
class Tokens(WrittenTokens):
    """Tokens, and where words mean a range of them."""

    special = "["

    def __len__(self) -> int:
        return len(self.words)

    def text(self, start: int, end: int) -> str:
        """How a range of tokens is written."""
        last = end - 1
        return "".join(self.words[i] + self.spaces[i] for i in range(start, last)) + self.words[last]

    def starts_with(self, start: int, written: str) -> Optional[int]:
        """End of the range of tokens from a start that is written so, None if there is none."""
        text = ""
        for i in range(start, len(self)):
            text += self.words[i]
            if text == written:
                return i + 1
            if not written.startswith(text):
                return None
            text += self.spaces[i]
        return None

    def places(self, written: str, position: int) -> Iterator[tuple[int, int]]:
        """All ranges of tokens from a position on that are written so."""
        for start in range(position, len(self)):
            end = self.starts_with(start, written)
            if end is not None:
                yield start, end

    def count(self, start: int, end: int, position: int) -> int:
        """Which one of the places from a position on that are written alike a range is, counted from 1."""
        return sum(1 for first, _ in self.places(self.text(start, end), position) if first <= start)

    def folded(self) -> "Tokens":
        return replace(self, words=tuple(map(fold, self.words)))


@dataclass(frozen=True)
class SpanLines(LabelledFormat):
    """See the module."""

    def for_doc(self, doc: Doc) -> PromptFormat:
        return self

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("span_lines", self.labels, self.intents, doc.text)

    def target(self, doc: Doc) -> str:
        lines = [f"{INTENT}: {best_category(doc.cats)}"] if self.intents else []
        tokens, position = Tokens.of(doc), 0
        for start, end, label in gold_spans(doc):
            count = tokens.count(start, end, position)
            lines.append(f"{escape_label(label, ENDS_LABEL)}: {tokens.text(start, end)}{f' [{count}]' if count > 1 else ''}")
            position = end
        return "".join(f"{line}\n" for line in lines)

    def constraint(self, doc: Doc) -> Grammar:
        return SpanLinesGrammar(Tokens.of(doc), tuple(self.labels), tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> Parsed:
        tokens = Tokens.of(doc)
        found: list[Found] = []
        problems: list[str] = []
        intent, position, written = None, 0, 0
        for number, line in enumerate(text.split("\n")):
            start, written = written, written + len(line) + 1
            if number == 0 and line.strip().removeprefix(f"{INTENT}: ") in self.intents:
                intent = line.strip().removeprefix(f"{INTENT}: ")
            elif line.strip():
                read = self._read_line(line, tokens, position)
                if isinstance(read, str):
                    problems.append(read)
                else:
                    found.append(Found(read, start, written))
                    position = read.end
        return Parsed(found, intent, problems)

    def _read_line(self, line: str, tokens: Tokens, position: int) -> "Span | str":
        """The entity of one line, or what is wrong with it."""
        match = LINE.fullmatch(line)
        if match is None:
            return f"not a line `LABEL: words`: {line!r}"
        label = labels_by_name(self.labels).get(unescape(match["label"]).casefold())
        if label is None:
            return f"unknown label {match['label']!r} in {line!r}"
        count = int(match["count"] or 1)
        for view, words in ((tokens, match["words"]), (tokens.folded(), fold(match["words"]))):
            places = list(view.places(words, position))
            if count <= len(places):
                return Span(*places[count - 1], label)
        return f"no such words behind the line before: {match['words']!r}"


@dataclass(frozen=True)
class SpanLinesGrammar:
    """States: "intent"; ("line", position); ("first", position); ("inside", position, start, end)."""

    tokens: Tokens
    labels: tuple[str, ...]
    intents: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("intent",) if self.intents else ("line", 0)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("intent",):
                return [Edge(f"{INTENT}: {intent}\n", ("line", 0)) for intent in self.intents]
            case ("line", int(position)):
                labels = self.labels if self._firsts(position) else ()
                return [Edge(f"{escape_label(label, ENDS_LABEL)}:", ("first", position)) for label in labels]
            case ("first", int(position)):
                return [Edge(f" {self.tokens.words[i]}", ("inside", position, i, i + 1)) for i in self._firsts(position)]
            case ("inside", int(position), int(start), int(end)):
                return list(self._inside(position, start, end))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _firsts(self, position: int) -> list[int]:
        """Tokens that an entity may begin with."""
        return [i for i in range(position, len(self.tokens)) if not self.tokens.blank[i]]

    def _inside(self, position: int, start: int, end: int) -> Iterator[Edge]:
        count = self.tokens.count(start, end, position)
        yield Edge("\n" if count == 1 else f" [{count}]\n", ("line", end))
        if end < len(self.tokens):
            yield Edge(self.tokens.spaces[end - 1] + self.tokens.words[end], ("inside", position, start, end + 1))

    def may_end(self, state: State) -> bool:
        return isinstance(state, tuple) and state[0] == "line"


def create_span_lines() -> FormatFactory:
    """Registered as `spacy-slm-ner.SpanLines.v1`. RETURNS (FormatFactory): Makes the format for labels and intents."""
    return SpanLines
