"""The questions of UniNER: one for each label, and one for the intent."""

import json
from dataclasses import dataclass
from typing import Optional, Sequence

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from ..labels.guidelines import Label
from .answer_problems import choose_intent
from .base import Message, ParsedAnswer, gold_spans
from .entity_locator import locate_content
from .placement import Placement
from .prompts import load_prompt_template
from .quoted_tokens import QuotedTokens, TokenRanges, quote
from .string_list_answer import read_string_list
from .uniner_grammar import END, SEPARATOR, START, StringListGrammar, item

# What a model may write around the name of an intent.
AROUND_INTENT = "[]`'\"“”. \t\n"


@dataclass(frozen=True)
class TextTurns:
    """The turns before a question, which all questions about a text share.

    explained (bool): Whether they say how to answer.
    """

    explained: bool

    def before(self, doc: Doc, question: str) -> list[Message]:
        """Put them before a question."""
        return [
            {"role": "system", "content": load_prompt_template("uniner").render(explained=self.explained).strip()},
            {"role": "user", "content": f"Text: {doc.text}"},
            {"role": "assistant", "content": "I've read this text."},
            {"role": "user", "content": question},
        ]


@dataclass(frozen=True)
class LabelQuestion:
    """A question for the entities of one label.

    label (str): The label.
    definition (Optional[Label]): What the guidelines say about it.
    turns (TextTurns): What is said before.
    placement (Placement): Which places entities of free answers have.
    """

    label: str
    definition: Optional[Label]
    turns: TextTurns
    placement: Placement

    @property
    def labels(self) -> Sequence[str]:
        return (self.label,)

    @property
    def intents(self) -> Sequence[str]:
        return ()

    def render(self, doc: Doc) -> list[Message]:
        return self.turns.before(doc, f"What describes {self.label} in the text?{self._guideline}")

    @property
    def _guideline(self) -> str:
        if self.definition is None:
            return ""
        examples = ", ".join(map(quote, self.definition.examples))
        return f"\n{self.label}: {self.definition.summary}" + (f"\nExamples: {examples}" if examples else "")

    def target(self, doc: Doc) -> str:
        grammar, position, items = self.constraint(doc), 0, []
        for start, end, label in gold_spans(doc):
            if label == self.label:
                items.append(item(grammar.tokens.join(start, end), grammar.occurrence(start, end, position)))
                position = end
        return START + SEPARATOR.join(items) + END

    def constraint(self, doc: Doc) -> StringListGrammar:
        return StringListGrammar(QuotedTokens.from_doc(doc), TokenRanges.from_doc(doc))

    def schema(self) -> None:
        """None: endpoints take schemas of objects alone."""

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        return locate_content(read_string_list(text, self.label), doc, self.labels, self.intents, self.placement)

    def complete_part(self, text: str) -> str:
        return text


@dataclass(frozen=True)
class IntentQuestion:
    """A question for the intent, which is answered with its name as a string.

    intents (Sequence[str]): The intents.
    turns (TextTurns): What is said before.
    """

    intents: Sequence[str]
    turns: TextTurns

    @property
    def labels(self) -> Sequence[str]:
        return ()

    def render(self, doc: Doc) -> list[Message]:
        return self.turns.before(doc, f"Which one is the intent of the text: {', '.join(map(quote, self.intents))}?")

    def target(self, doc: Doc) -> str:
        return quote(best_category(doc.cats) or "")

    def constraint(self, doc: Doc) -> Grammar:
        return ChoiceGrammar(tuple(map(quote, self.intents)))

    def schema(self) -> None:
        """None: endpoints take schemas of objects alone."""

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        name = read_name(text)
        intent, problems = choose_intent([name] if name else [], tuple(self.intents))
        return ParsedAnswer([], intent, problems)

    def complete_part(self, text: str) -> str:
        return text


def read_name(answer: str) -> str:
    """Read an answer that is a JSON string, or text with marks around it."""
    try:
        value = json.loads(answer)
    except ValueError:
        value = None
    return value if isinstance(value, str) else answer.strip(AROUND_INTENT)


@dataclass(frozen=True)
class ChoiceGrammar:
    """Grammar of some fixed answers. States: ("start",) and ("done",).

    answers (tuple[str, ...]): The answers.
    """

    answers: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("start",)

    def edges(self, state: State) -> Sequence[Edge]:
        return [Edge(answer, ("done",)) for answer in self.answers] if state == self.start else []

    def may_end(self, state: State) -> bool:
        return state != self.start
