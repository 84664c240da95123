"""BioLines: one line for each token of an entity, `6: B-TIME`, `pm: I-TIME`, `Friday: B-DATE`; with intents, a first line
`intent: cancel`.

Lines follow the order of the text. A line names the next token with its word after the token of the line before. A number in
brackets names a later one: `4 [2]: B-TIME` is the second `4` from there. An I- line always names the very next token.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, NamedTuple, Optional, Sequence

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
    gold_spans,
    labels_by_name,
    unescape,
    with_guidelines,
)
from .intent_line import gold_intent_line, read_intent, with_intent_line
from .prompts import render_prompt
from .tokens import WrittenTokens

# A line as the grammar writes it: a word has no white space, so the first `: ` ends it, and a label may hold any marks.
EXACT_LINE = re.compile(r"(?P<word>\S+?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?: (?:(?P<prefix>[BI])-(?P<label>\S.*)|O)")
# A line as an unconstrained model may write it.
LENIENT_LINE = re.compile(
    r"(?P<word>.*?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?:\s*(?:(?P<prefix>[BI])-(?P<label>\S.*?)|O)\s*", re.IGNORECASE
)


@dataclass(frozen=True)
class BioLines(LabelledFormat):
    """The format of this module."""

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("bio_lines", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens = BioLinesTokens.from_doc(doc)
        lines = []
        last = -1
        for span in gold_spans(doc):
            for i in range(span.start, span.end):
                lines.append(f"{tokens.written(i, last)}: {'B' if i == span.start else 'I'}-{span.label}\n")
                last = i
        return gold_intent_line(doc, self.intents) + "".join(lines)

    def constraint(self, doc: Doc) -> Grammar:
        return with_intent_line(BioLinesGrammar(BioLinesTokens.from_doc(doc), tuple(self.labels)), self.intents)

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        return BioLinesParser(BioLinesTokens.from_doc(doc), self.labels, self.intents).parse(text)

    def complete_part(self, text: str) -> str:
        return before_open_entity(text)


def before_open_entity(answer: str) -> str:
    """Return the lines of an answer before one that has no end, and before an entity at the end that may go on in it."""
    *lines, _ = answer.split("\n")
    while lines and (line := LENIENT_LINE.fullmatch(lines[-1])) and line["prefix"]:
        lines.pop()
        if line["prefix"].upper() == "B":
            break
    return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class BioLinesTokens(WrittenTokens):
    """Tokens as lines name them: by the word, and by a number if the word occurs again after the line before."""

    @cached_property
    def folded(self) -> tuple[str, ...]:
        return tuple(map(fold, self.words))

    def written(self, i: int, last: int) -> str:
        """Write token `i` in the line after that of token `last`."""
        count = self.words[last + 1 : i + 1].count(self.words[i])
        return self.words[i] if count == 1 else f"{self.words[i]} [{count}]"

    def find(self, word: str, count: int, last: int) -> Optional[int]:
        """Find the token that a line names: as spelled, or else in another case or quotation mark.

        word (str): Word of the line.
        count (int): Its number in brackets.
        last (int): Token of the line before.
        RETURNS (Optional[int]): None if there is no such token.
        """
        exact = find_nth(self.words, word, count, last)
        return find_nth(self.folded, fold(word), count, last) if exact is None else exact


def find_nth(words: Sequence[str], word: str, count: int, last: int) -> Optional[int]:
    """Find the n-th occurrence of a word after a position."""
    position = last
    try:
        for _ in range(count):
            position = words.index(word, position + 1)
    except ValueError:
        return None
    return position


@dataclass(frozen=True)
class BioLinesGrammar:
    """Grammar of the lines.

    States: ("line", last token written, label of its entity or None); ("tag", token, label that it may continue or None).
    """

    tokens: BioLinesTokens
    labels: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("line", -1, None)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("line", int(last), label):
                return list(self._words(last, label))
            case ("tag", int(i), label):
                return list(self._tags(i, label))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _words(self, last: int, label: Optional[str]) -> Iterator[Edge]:
        counts: dict[str, int] = {}
        for i in range(last + 1, len(self.tokens)):
            word = self.tokens.words[i]
            counts[word] = counts.get(word, 0) + 1
            written = word if counts[word] == 1 else f"{word} [{counts[word]}]"
            continued = label if i == last + 1 else None
            if continued is not None or not self.tokens.is_space[i]:
                yield Edge(written, ("tag", i, continued))

    def _tags(self, i: int, label: Optional[str]) -> Iterator[Edge]:
        # The others are the same whatever the label is.
        if label is not None:
            yield Edge(f": I-{label}\n", ("line", i, label))
        for name in () if self.tokens.is_space[i] else self.labels:
            yield Edge(f": B-{name}\n", ("line", i, name))

    def may_end(self, state: State) -> bool:
        return isinstance(state, tuple) and state[0] == "line"


class TaggedToken(NamedTuple):
    """The token that a line names, with its tag.

    i (int): The token.
    prefix (str): "B" or "I", "O" for a token outside of entities.
    label (Optional[str]): None for a token outside of entities.
    """

    i: int
    prefix: str
    label: Optional[str]


@dataclass
class BioLinesParser:
    """Parser of any answer, line by line."""

    tokens: BioLinesTokens
    labels: Sequence[str]
    intents: Sequence[str]

    @cached_property
    def by_name(self) -> dict[str, str]:
        return labels_by_name(self.labels)

    def parse(self, answer: str) -> ParsedAnswer:
        found: list[FoundEntity] = []
        problems: list[str] = []
        intent, rest = read_intent(answer, self.intents)
        last = -1
        for line in split_lines(answer, rest):
            try:
                token = self._read_line(line.text, last)
            except UnusableLine as reason:
                problems.append(str(reason))
                continue
            last = token.i
            if token.label is None:
                continue
            if token.prefix == "I" and found and found[-1].span[1:] == (token.i, token.label):
                found[-1] = found[-1]._replace(span=found[-1].span._replace(end=token.i + 1), end=line.end)
            else:
                found.append(FoundEntity(Span(token.i, token.i + 1, token.label), line.start, line.end))
        return ParsedAnswer(found, intent, problems)

    def _read_line(self, line: str, last: int) -> TaggedToken:
        """Read one line.

        line (str): The line.
        last (int): Token of the line before.
        RETURNS (TaggedToken): The token that it names.
        RAISES (UnusableLine): If it names none, or has an unknown label.
        """
        match = self._match(line)
        if match is None:
            raise UnusableLine(describe("malformed", line, "a line is `word: B-LABEL`"))
        label = self.by_name.get((match["label"] or "").casefold())
        if label is None and match["label"]:
            raise UnusableLine(describe("unknown label", match["label"], f"of {unescape(match['word'])!r:.40}"))
        i = self.tokens.find(match["word"], int(match["count"] or 1), last)
        if i is None:
            raise UnusableLine(describe("not in the text", unescape(match["word"]), "behind the line before"))
        return TaggedToken(i, (match["prefix"] or "O").upper(), label)

    def _match(self, line: str) -> Optional[re.Match[str]]:
        """Match a line as the grammar writes it if that gives a known label, or else leniently."""
        exact = EXACT_LINE.fullmatch(line)
        known = exact is not None and (exact["label"] is None or exact["label"] in self.labels)
        return exact if known else LENIENT_LINE.fullmatch(line)


def create_bio_lines(guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.BioLines.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(BioLines, guidelines)
