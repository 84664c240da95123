"""SpanLines: one line for each entity, `TIME: 6 pm`; with intents, a first line `intent: cancel`.

Lines follow the order of the text. A line names the next occurrence of its words after the entity of the line before. A number
in brackets names a later one: `TIME: 4 [2]` is the second `4` from there. Brackets of the text itself are written `\\[`, a colon
in a label `\\:`.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, islice
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..alignment import fold
from ..constraints.grammar import Edge, Grammar, State
from ..types import Span
from .answer_lines import UnusableLine, split_lines
from .answer_problems import describe
from .base import (
    FormatFactory,
    FoundEntity,
    GuidelinesSetting,
    LabelledFormat,
    Message,
    ParsedAnswer,
    escape_label,
    gold_spans,
    labels_by_name,
    unescape,
    with_guidelines,
)
from .earlier_place import earlier_token
from .intent_line import gold_intent_line, read_intent, with_intent_line
from .prompts import render_prompt
from .tokens import WrittenTokens

LINE = re.compile(r"\s*(?P<label>(?:\\.|[^:\\])*?)\s*:\s*(?P<words>\S.*?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?\s*")
# Character after a label.
LABEL_END = ":"


@dataclass(frozen=True)
class SpanLines(LabelledFormat):
    """The format of this module."""

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("span_lines", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens, position = SpanLinesTokens.from_doc(doc), 0
        lines = []
        for start, end, label in gold_spans(doc):
            count = tokens.count(start, end, position)
            number = f" [{count}]" if count > 1 else ""
            lines.append(f"{escape_label(label, LABEL_END)}: {tokens.join(start, end)}{number}\n")
            position = end
        return gold_intent_line(doc, self.intents) + "".join(lines)

    def constraint(self, doc: Doc) -> Grammar:
        return with_intent_line(SpanLinesGrammar(SpanLinesTokens.from_doc(doc), tuple(self.labels)), self.intents)

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        tokens = SpanLinesTokens.from_doc(doc)
        found: list[FoundEntity] = []
        problems: list[str] = []
        intent, rest = read_intent(text, self.intents)
        position = 0
        for line in split_lines(text, rest):
            try:
                span = self._read_line(line.text, tokens, position)
            except UnusableLine as reason:
                problems.append(str(reason))
            else:
                found.append(FoundEntity(span, line.start, line.end))
                position = span.end
        return ParsedAnswer(found, intent, problems)

    def complete_part(self, text: str) -> str:
        return text[: text.rfind("\n") + 1]

    def _read_line(self, line: str, tokens: "SpanLinesTokens", position: int) -> Span:
        """Read one line.

        line (str): The line.
        tokens (SpanLinesTokens): Tokens of the text.
        position (int): End of the entity of the line before.
        RETURNS (Span): The entity as a range of tokens.
        RAISES (UnusableLine): If its words do not occur there, or its label is unknown.
        """
        match = LINE.fullmatch(line)
        if match is None:
            raise UnusableLine(describe("malformed", line, "a line is `LABEL: words`"))
        label = labels_by_name(self.labels).get(unescape(match["label"]).casefold())
        if label is None:
            raise UnusableLine(describe("unknown label", match["label"], f"of {match['words']!r:.40}"))
        words, count = match["words"], int(match["count"] or 1)
        found = tokens.find(words, count, position) or tokens.folded().find(fold(words), count, position)
        if found is None:
            raise UnusableLine(describe("not in the text", words, "behind the line before"))
        return Span(*found, label)


@dataclass(frozen=True)
class SpanLinesTokens(WrittenTokens):
    """Tokens with the occurrences of a text among them."""

    special = "["

    def occurrences(self, text: str, position: int) -> Iterator[tuple[int, int]]:
        """Iterate over the ranges of tokens that have a text.

        text (str): Text as written.
        position (int): Token at which the first range may begin.
        YIELDS (tuple[int, int]): Start and end of each range, in order.
        """
        for start in range(position, len(self)):
            end = self._match_end(start, text)
            if end is not None:
                yield start, end

    def find(self, text: str, count: int, position: int) -> Optional[tuple[int, int]]:
        """Return the n-th occurrence of a text from a position on, None if there are fewer."""
        return next(islice(self.occurrences(text, position), count - 1, None), None)

    def count(self, start: int, end: int, position: int) -> int:
        """Count the occurrences of the text of a range, from a position up to the range itself."""
        text = self.join(start, end)
        return sum(self._match_end(first, text) is not None for first in range(position, start + 1))

    def earlier(self, start: int, end: int, position: int) -> Optional[int]:
        """Find the first token at or behind an earlier place of the text of a range; see `earlier_token`."""
        return earlier_token(self._text, self._starts, start, self._starts[end - 1] + len(self.words[end - 1]), position)

    @cached_property
    def _text(self) -> str:
        return "".join(word + space for word, space in zip(self.words, self.spaces))

    @cached_property
    def _starts(self) -> tuple[int, ...]:
        lengths = (len(word) + len(space) for word, space in zip(self.words, self.spaces))
        return tuple(accumulate(lengths, initial=0))[:-1]

    def folded(self) -> "SpanLinesTokens":
        return replace(self, words=tuple(map(fold, self.words)))

    def _match_end(self, start: int, text: str) -> Optional[int]:
        """Return the end of the range of tokens that begins at a start and has a text, None if there is none."""
        written = ""
        for i in range(start, len(self)):
            written += self.words[i]
            if written == text:
                return i + 1
            if not text.startswith(written):
                return None
            written += self.spaces[i]
        return None


@dataclass(frozen=True)
class SpanLinesGrammar:
    """Grammar of the lines.

    States: ("line", position); ("first", position), after a label; ("inside", end, start, position), after some of its words,
    without a start if none from the position on has this text before it.
    """

    tokens: SpanLinesTokens
    labels: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("line", 0)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("line", int(position)):
                labels = self.labels if self._first_tokens(position) else ()
                return [Edge(f"{escape_label(label, LABEL_END)}:", ("first", position)) for label in labels]
            case ("first", int(position)):
                firsts = self._first_tokens(position)
                return [Edge(f" {self.tokens.words[i]}", self._after(i, i + 1, position)) for i in firsts]
            case ("inside", int(end), start, int(position)):
                return list(self._inside(start, end, position))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _first_tokens(self, position: int) -> list[int]:
        """Return the tokens that an entity may begin with."""
        return [i for i in range(position, len(self.tokens)) if not self.tokens.is_space[i]]

    def _after(self, start: Optional[int], end: int, position: int) -> State:
        """Return the state after some tokens of an entity, of which an earlier place may have the text, or not."""
        first = None if start is None else self.tokens.earlier(start, end, position)
        return ("inside", end, None, end) if first is None else ("inside", end, start, first)

    def _inside(self, start: Optional[int], end: int, position: int) -> Iterator[Edge]:
        count = 1 if start is None else self.tokens.count(start, end, position)
        yield Edge("\n" if count == 1 else f" [{count}]\n", ("line", end))
        if end < len(self.tokens):
            yield Edge(self.tokens.spaces[end - 1] + self.tokens.words[end], self._after(start, end + 1, position))

    def may_end(self, state: State) -> bool:
        return isinstance(state, tuple) and state[0] == "line"


def create_span_lines(guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.SpanLines.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(SpanLines, guidelines)
