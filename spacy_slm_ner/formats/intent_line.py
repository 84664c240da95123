"""The intent line, `intent: cancel`: the first line of an answer in every format that is asked for intents."""

from dataclasses import dataclass
from typing import Optional, Sequence

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category

PREFIX = "intent: "
INTENT_STATE: State = ("intent",)


def gold_intent_line(doc: Doc, intents: Sequence[str]) -> str:
    """Write the intent line of a Doc with a gold category.

    doc (Doc): The text.
    intents (Sequence[str]): Intents of the format.
    RETURNS (str): The line with its line break; empty if the format has no intents.
    """
    return intent_line(best_category(doc.cats)) if intents else ""


def intent_line(intent: Optional[str]) -> str:
    return f"{PREFIX}{intent}\n"


def read_intent(answer: str, intents: Sequence[str]) -> tuple[Optional[str], int]:
    """Read the intent line of an answer.

    answer (str): Any answer.
    intents (Sequence[str]): Intents of the format.
    RETURNS (tuple[Optional[str], int]): The intent, None if the first line names none of them; and the character at which the
        rest of the answer begins.
    """
    first_line, line_break, _ = answer.partition("\n")
    intent = first_line.strip().removeprefix(PREFIX)
    return (intent, len(first_line) + len(line_break)) if intent in intents else (None, 0)


@dataclass(frozen=True)
class IntentLineGrammar:
    """A grammar with an intent line in front. It adds the state ("intent",), in which nothing is written yet.

    intents (tuple[str, ...]): Intents of the format.
    rest (Grammar): Grammar of the rest of the answer.
    """

    intents: tuple[str, ...]
    rest: Grammar

    @property
    def start(self) -> State:
        return INTENT_STATE

    def edges(self, state: State) -> Sequence[Edge]:
        if state == INTENT_STATE:
            return [Edge(intent_line(intent), self.rest.start) for intent in self.intents]
        return self.rest.edges(state)

    def may_end(self, state: State) -> bool:
        return state != INTENT_STATE and self.rest.may_end(state)


def with_intent_line(grammar: Grammar, intents: Sequence[str]) -> Grammar:
    """Put an intent line in front of a grammar; return the grammar itself if there are no intents."""
    return IntentLineGrammar(tuple(intents), grammar) if intents else grammar
