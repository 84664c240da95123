"""Json: one JSON object, `{"entities": [{"text": "6 pm", "label": "TIME", "occurrence": 1}]}`; with intents, its first key is
`"intent"`.

The format of endpoints, whose structured output takes its `schema`. Entities follow the order of the text. The occurrence says
which one of the places with this text is meant, counted from 1, from the beginning of the text.
"""

from dataclasses import dataclass
from typing import Any, Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from .base import (
    FormatFactory,
    GuidelinesSetting,
    LabelledFormat,
    Message,
    ParsedAnswer,
    gold_spans,
    with_guidelines,
)
from .entity_locator import locate_content
from .json_answer import JsonReader
from .placement import NEXT, Mentions, Placement
from .prompts import render_prompt
from .quoted_tokens import QuotedTokens, TokenRanges, quote

FIRST_ITEM = '{"text": "'
NEXT_ITEM = ',\n{"text": "'
EMPTY_END = "]}"
END = "\n]}"


def head(intent: Optional[str]) -> str:
    """Write the first line of an answer."""
    return '{"entities": [\n' if intent is None else f'{{"intent": {quote(intent)}, "entities": [\n'


def item_end(label: str, occurrence: int) -> str:
    """Write what follows the text of an entity."""
    return f'", "label": {quote(label)}, "occurrence": {occurrence}}}'


@dataclass(frozen=True)
class Json(LabelledFormat):
    """The format of this module.

    placement (Placement): Which places entities of free answers have.
    """

    placement: Placement = NEXT

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("json", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens, ranges = QuotedTokens.from_doc(doc), TokenRanges.from_doc(doc)
        items = [
            FIRST_ITEM + tokens.join(start, end) + item_end(label, ranges.occurrence(start, end))
            for start, end, label in gold_spans(doc)
        ]
        intent = best_category(doc.cats) if self.intents else None
        return head(intent) + ",\n".join(items) + (END if items else EMPTY_END)

    def constraint(self, doc: Doc) -> Grammar:
        return JsonGrammar(QuotedTokens.from_doc(doc), TokenRanges.from_doc(doc), tuple(self.labels), tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        content = JsonReader(text).read()
        return locate_content(content, doc, self.labels, self.intents, self.placement)

    def schema(self) -> dict[str, Any]:
        """Make the JSON schema of an answer, in the subset that structured output accepts: every property is required."""
        entity = {
            "text": {"type": "string"},
            "label": {"type": "string", "enum": list(self.labels)},
            "occurrence": {"type": "integer"},
        }
        intent = {"intent": {"type": "string", "enum": list(self.intents)}} if self.intents else {}
        return closed({**intent, "entities": {"type": "array", "items": closed(entity)}})


def closed(properties: dict[str, Any]) -> dict[str, Any]:
    """Make the schema of an object that requires these properties and allows no others."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@dataclass(frozen=True)
class JsonGrammar:
    """Grammar of the object.

    States: ("head", 0), before anything; ("items", position), after an entity; ("first", position), before its text;
    ("inside", end, start), after some of its tokens, without a start if none has this text before it; ("done", tokens), after
    everything.
    """

    tokens: QuotedTokens
    ranges: TokenRanges
    labels: tuple[str, ...]
    intents: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("head", 0)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("head", _):
                return [Edge(head(intent), ("items", 0)) for intent in self.intents or (None,)]
            case ("items", int(position)):
                return list(self._items(position))
            case ("first", int(position)):
                return [Edge(self.tokens.words[i], self._after(i, i + 1)) for i in self.tokens.may_begin(position)]
            case ("inside", int(end), start):
                return list(self._inside(start, end))
            case ("done", _):
                return []
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _items(self, position: int) -> Iterator[Edge]:
        if self.labels and self.tokens.may_begin(position):
            yield Edge(NEXT_ITEM if position else FIRST_ITEM, ("first", position))
        yield Edge(END if position else EMPTY_END, ("done", len(self.tokens)))

    def _after(self, start: Optional[int], end: int) -> State:
        """Return the state after some tokens of an entity."""
        return ("inside", end, None if start is None or self.ranges.earlier(start, end) is None else start)

    def _inside(self, start: Optional[int], end: int) -> Iterator[Edge]:
        if self.tokens.may_end(end):
            occurrence = 1 if start is None else self.ranges.occurrence(start, end)
            yield from (Edge(item_end(label, occurrence), ("items", end)) for label in self.labels)
        following = self.tokens.next_written(end)
        if following is not None:
            yield Edge(following, self._after(start, end + 1))

    def may_end(self, state: State) -> bool:
        return state[0] == "done"


def create_json(guidelines: GuidelinesSetting = None, mentions: Mentions = "next", fuzzy: float = 0.0) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.Json.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    mentions (Mentions): Which place is meant where the words of an entity occur several times; see `Placement`, also for `fuzzy`.
    fuzzy (float): Least similarity of a place whose words differ; 0 for none.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(Json, guidelines, placement=Placement(mentions, fuzzy))
