"""TokenLines: one line for every token, `Move: O`, `6: B-TIME`, `pm: I-TIME`; with intents, a first line `intent: cancel`.

The longest of the formats, and the one that asks least of a model: it never has to look for the next entity, only to tag the
token in front of it. White space has no line, unless an entity goes on over it. An empty answer says that there is no entity.
"""

from dataclasses import dataclass
from typing import Iterator, Optional

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from .base import FormatFactory, LabelledFormat, Message, Parsed, PromptFormat, gold_spans
from .bio_lines import INTENT, BioLinesGrammar, BioLinesReader, Words
from .prompts import render_prompt


@dataclass(frozen=True)
class TokenLines(LabelledFormat):
    """See the module."""

    def for_doc(self, doc: Doc) -> PromptFormat:
        return self

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("token_lines", self.labels, self.intents, doc.text)

    def target(self, doc: Doc) -> str:
        lines = [f"{INTENT}{best_category(doc.cats)}"] if self.intents else []
        words = Words.of(doc)
        tags = {i: f"{'B' if i == span.start else 'I'}-{span.label}" for span in gold_spans(doc) for i in range(*span[:2])}
        lines += [f"{word}: {tags.get(i, 'O')}" for i, word in enumerate(words.words) if i in tags or not words.blank[i]]
        return "".join(f"{line}\n" for line in lines)

    def constraint(self, doc: Doc) -> Grammar:
        return TokenLinesGrammar(Words.of(doc), tuple(self.labels), tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> Parsed:
        return BioLinesReader(Words.of(doc), self.labels, self.intents).read(text)


@dataclass(frozen=True)
class TokenLinesGrammar(BioLinesGrammar):
    """The states of BioLines, but a line can only be about the next token, which may be outside."""

    def _words(self, last: int, label: Optional[str]) -> Iterator[Edge]:
        after = last + 1
        if label is not None and after < len(self.words.words) and self.words.blank[after]:
            yield Edge(self.words.words[after], ("tag", after, label))
        i = self._next_word(last)
        if i is not None:
            yield Edge(self.words.words[i], ("tag", i, label if i == after else None))

    def _tags(self, i: int, label: Optional[str]) -> Iterator[Edge]:
        if not self.words.blank[i]:
            yield Edge(": O\n", ("line", i, None))
        yield from super()._tags(i, label)

    def _next_word(self, last: int) -> Optional[int]:
        return next((i for i in range(last + 1, len(self.words.words)) if not self.words.blank[i]), None)

    def may_end(self, state: State) -> bool:
        return isinstance(state, tuple) and state[0] == "line" and (state[1] == -1 or self._next_word(state[1]) is None)


def create_token_lines() -> FormatFactory:
    """Registered as `spacy-slm-ner.TokenLines.v1`. RETURNS (FormatFactory): Makes the format for labels and intents."""
    return TokenLines
