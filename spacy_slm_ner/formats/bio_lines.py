"""BioLines: one line a token of an entity, `6: B-TIME`, `pm: I-TIME`, `Friday: B-DATE`; with intents, a first line
`intent: cancel`.

Lines follow the order of the text. A line means the next token of that spelling behind the line before; if a later one is
meant, the line counts: `4 [2]: B-TIME` is the second `4` from here. An I- line always means the very next token.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..alignment import fold
from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from ..types import Span
from .base import FormatFactory, Found, LabelledFormat, Message, Parsed, PromptFormat, gold_spans, labels_by_name, unescape
from .prompts import render_prompt
from .tokens import WrittenTokens

# A line as it is written: a word has no white space, so the first `: ` ends it, and a label may hold any marks.
WRITTEN = re.compile(r"(?P<word>\S+?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?: (?:(?P<prefix>[BI])-(?P<label>\S.*)|O)")
# A line as a model may write it.
LINE = re.compile(
    r"(?P<word>.*?)(?: \[(?P<count>[1-9][0-9]{0,8})\])?:\s*(?:(?P<prefix>[BI])-(?P<label>\S.*?)|O)\s*", re.IGNORECASE
)
INTENT = "intent: "


@dataclass(frozen=True)
class BioLines(LabelledFormat):
    """See the module."""

    def for_doc(self, doc: Doc) -> PromptFormat:
        return self

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("bio_lines", self.labels, self.intents, doc.text)

    def target(self, doc: Doc) -> str:
        lines = [f"{INTENT}{best_category(doc.cats)}"] if self.intents else []
        words = Words.of(doc)
        last = -1
        for span in gold_spans(doc):
            for i in range(span.start, span.end):
                lines.append(f"{words.written(i, last)}: {'B' if i == span.start else 'I'}-{span.label}")
                last = i
        return "".join(f"{line}\n" for line in lines)

    def constraint(self, doc: Doc) -> Grammar:
        return BioLinesGrammar(Words.of(doc), tuple(self.labels), tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> Parsed:
        return BioLinesReader(Words.of(doc), self.labels, self.intents).read(text)


@dataclass(frozen=True)
class Words(WrittenTokens):
    """Tokens, and where a line means one."""

    @cached_property
    def folded(self) -> tuple[str, ...]:
        return tuple(map(fold, self.words))

    def written(self, i: int, last: int) -> str:
        """How token i is written behind token `last`."""
        count = self.words[last + 1 : i + 1].count(self.words[i])
        return self.words[i] if count == 1 else f"{self.words[i]} [{count}]"

    def find(self, word: str, count: int, last: int) -> Optional[int]:
        """The token that a line means: as spelled, else in another case or quote mark."""
        found = nth(self.words, word, count, last)
        return nth(self.folded, fold(word), count, last) if found is None else found


def nth(words: Sequence[str], word: str, count: int, last: int) -> Optional[int]:
    """Where a word stands for the n-th time behind a place."""
    place = last
    try:
        for _ in range(count):
            place = words.index(word, place + 1)
    except ValueError:
        return None
    return place


@dataclass(frozen=True)
class BioLinesGrammar:
    """States: "intent"; ("line", last token written, label of its entity or None); ("tag", token, label that may go on or
    None)."""

    words: Words
    labels: tuple[str, ...]
    intents: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("intent",) if self.intents else ("line", -1, None)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("intent",):
                return [Edge(f"{INTENT}{intent}\n", ("line", -1, None)) for intent in self.intents]
            case ("line", int(last), label):
                return list(self._words(last, label))
            case ("tag", int(i), label):
                return list(self._tags(i, label))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _words(self, last: int, label: Optional[str]) -> Iterator[Edge]:
        seen: dict[str, int] = {}
        for i in range(last + 1, len(self.words.words)):
            word = self.words.words[i]
            seen[word] = seen.get(word, 0) + 1
            written = word if seen[word] == 1 else f"{word} [{seen[word]}]"
            goes_on = label if i == last + 1 else None
            if goes_on is not None or not self.words.blank[i]:
                yield Edge(written, ("tag", i, goes_on))

    def _tags(self, i: int, label: Optional[str]) -> Iterator[Edge]:
        for name in () if self.words.blank[i] else self.labels:
            yield Edge(f": B-{name}\n", ("line", i, name))
        if label is not None:
            yield Edge(f": I-{label}\n", ("line", i, label))

    def may_end(self, state: State) -> bool:
        return isinstance(state, tuple) and state[0] == "line"


@dataclass
class BioLinesReader:
    """Reads an answer line by line, whatever it is."""

    words: Words
    labels: Sequence[str]
    intents: Sequence[str]

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Labels by their names in any case."""
        return labels_by_name(self.labels)

    def read(self, text: str) -> Parsed:
        found: list[Found] = []
        problems: list[str] = []
        intent, last, position = None, -1, 0
        for number, line in enumerate(text.split("\n")):
            start, position = position, position + len(line) + 1
            if number == 0 and line.strip().removeprefix(INTENT) in self.intents:
                intent = line.strip().removeprefix(INTENT)
            elif line.strip():
                read = self._read_line(line, last, found, start, position)
                if isinstance(read, str):
                    problems.append(read)
                else:
                    last = read
        return Parsed(found, intent, problems)

    def _match(self, line: str) -> Optional[re.Match[str]]:
        """The parts of a line: as it is written, where that gives a known label, or else as near as can be."""
        written = WRITTEN.fullmatch(line)
        known = written is not None and (written["label"] is None or written["label"] in self.labels)
        return written if known else LINE.fullmatch(line)

    def _read_line(self, line: str, last: int, found: list[Found], start: int, end: int) -> "int | str":
        """Enter one line into `found`. RETURNS: The token that it names, or what is wrong with it."""
        match = self._match(line)
        if match is None:
            return f"not a line `word: B-LABEL`: {line!r}"
        label = self.by_name.get((match["label"] or "").casefold())
        if label is None and match["label"]:
            return f"unknown label {match['label']!r} in {line!r}"
        i = self.words.find(match["word"], int(match["count"] or 1), last)
        if i is None:
            return f"no such word behind the line before: {unescape(match['word'])!r}"
        if label is None:
            return i
        inside = match["prefix"].upper() == "I"
        if inside and found and found[-1].span.end == i and found[-1].span.label == label:
            found[-1] = found[-1]._replace(span=found[-1].span._replace(end=i + 1), end=end)
        else:
            found.append(Found(Span(i, i + 1, label), start, end))
        return i


def create_bio_lines() -> FormatFactory:
    """Registered as `spacy-slm-ner.BioLines.v1`. RETURNS (FormatFactory): Makes the format for labels and intents."""
    return BioLines
