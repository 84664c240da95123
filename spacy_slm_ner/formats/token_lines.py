"""TokenLines: one line for every token, `Move: O`, `6: B-TIME`, `pm: I-TIME`; with intents, a first line `intent: cancel`.

The longest format, and the easiest for a model: it only tags the next token, and never has to look for the next entity. White
space has no line, except inside an entity. An empty answer says that there is no entity.
"""

from dataclasses import dataclass
from typing import Iterator, Optional

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from .base import (
    FormatFactory,
    GuidelinesSetting,
    LabelledFormat,
    Message,
    ParsedAnswer,
    gold_spans,
    with_guidelines,
)
from .bio_lines import BioLinesGrammar, BioLinesParser, BioLinesTokens, before_open_entity
from .intent_line import gold_intent_line, with_intent_line
from .prompts import render_prompt


@dataclass(frozen=True)
class TokenLines(LabelledFormat):
    """The format of this module."""

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("token_lines", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens = BioLinesTokens.from_doc(doc)
        tags = {i: f"{'B' if i == span.start else 'I'}-{span.label}" for span in gold_spans(doc) for i in range(*span[:2])}
        lines = [f"{word}: {tags.get(i, 'O')}\n" for i, word in enumerate(tokens.words) if i in tags or not tokens.is_space[i]]
        return gold_intent_line(doc, self.intents) + "".join(lines)

    def constraint(self, doc: Doc) -> Grammar:
        return with_intent_line(TokenLinesGrammar(BioLinesTokens.from_doc(doc), tuple(self.labels)), self.intents)

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        return BioLinesParser(BioLinesTokens.from_doc(doc), self.labels, self.intents).parse(text)

    def complete_part(self, text: str) -> str:
        return before_open_entity(text)


@dataclass(frozen=True)
class TokenLinesGrammar(BioLinesGrammar):
    """Grammar with the states of BioLines, in which a line can only name the next token, also as one outside of entities."""

    def _words(self, last: int, label: Optional[str]) -> Iterator[Edge]:
        after = last + 1
        if label is not None and after < len(self.tokens) and self.tokens.is_space[after]:
            yield Edge(self.tokens.words[after], ("tag", after, label))
        i = self.tokens.next_word(last)
        if i is not None:
            yield Edge(self.tokens.words[i], ("tag", i, label if i == after else None))

    def _tags(self, i: int, label: Optional[str]) -> Iterator[Edge]:
        if not self.tokens.is_space[i]:
            yield Edge(": O\n", ("line", i, None))
        yield from super()._tags(i, label)

    def may_end(self, state: State) -> bool:
        return super().may_end(state) and (state[1] == -1 or self.tokens.next_word(state[1]) is None)


def create_token_lines(guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.TokenLines.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(TokenLines, guidelines)
