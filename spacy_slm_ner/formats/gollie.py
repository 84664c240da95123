"""Gollie: Python code. Labels are classes, guidelines their docstrings, and the answer is a list of calls,
`[TIME(span="6 pm"), DATE(span="Friday")]`; with intents, a first line `intent = "cancel"`.

After GoLLIE (Sainz et al. 2024), where a model that knows code follows guidelines written as code. Entities follow the order of
the text: a span is the next place with this text after the entity before. `occurrence=2` names another one, counted from the
beginning of the text.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..labels import best_category
from ..labels.guidelines import Label
from .base import (
    FormatFactory,
    GuidelinesSetting,
    LabelledFormat,
    Message,
    ParsedAnswer,
    gold_spans,
    with_guidelines,
)
from .class_names import name_classes
from .entity_locator import locate_content
from .gollie_answer import read_calls
from .placement import NEXT, NextOrAll, Placement, by_order
from .prompts import load_prompt_template
from .quoted_tokens import QuotedTokens, TokenRanges, quote

END = "]"


def head(intent: Optional[str]) -> str:
    """Write what precedes the entities of an answer."""
    return "[\n" if intent is None else f"intent = {quote(intent)}\n[\n"


def call_start(name: str) -> str:
    """Write what precedes the span of an entity."""
    return f'    {name}(span="'


def call_end(occurrence: Optional[int]) -> str:
    """Write what follows the span of an entity.

    occurrence (Optional[int]): None for the next one.
    """
    return '"),\n' if occurrence is None else f'", occurrence={occurrence}),\n'


@dataclass(frozen=True)
class Gollie(LabelledFormat):
    """The format of this module.

    placement (Placement): Which places entities of free answers have.
    """

    placement: Placement = NEXT

    @cached_property
    def class_names(self) -> dict[str, str]:
        """Name of the class of each label."""
        return name_classes(self.labels)

    def render(self, doc: Doc) -> list[Message]:
        code = render_code(tuple(self.class_names.items()), tuple(self.intents), self.definitions)
        return [{"role": "system", "content": code}, {"role": "user", "content": f"text = {quote(doc.text)}"}]

    def target(self, doc: Doc) -> str:
        grammar = self._grammar(doc)
        position, calls = 0, ""
        for start, end, label in gold_spans(doc):
            written = grammar.tokens.join(start, end)
            calls += call_start(self.class_names[label]) + written + call_end(grammar.occurrence(start, end, position))
            position = end
        return head(best_category(doc.cats) if self.intents else None) + calls + END

    def constraint(self, doc: Doc) -> Grammar:
        return self._grammar(doc)

    def _grammar(self, doc: Doc) -> "GollieGrammar":
        names = tuple(self.class_names.values())
        return GollieGrammar(QuotedTokens.from_doc(doc), TokenRanges.from_doc(doc), names, tuple(self.intents))

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        content = read_calls(text, {name: label for label, name in self.class_names.items()})
        return locate_content(content, doc, self.labels, self.intents, self.placement)


@lru_cache(maxsize=1_000)
def render_code(
    class_names: tuple[tuple[str, str], ...], intents: tuple[str, ...], definitions: tuple[tuple[str, Label], ...]
) -> str:
    """Write the classes of a prompt.

    class_names (tuple[tuple[str, str], ...]): Labels and the names of their classes.
    intents (tuple[str, ...]): Intents.
    definitions (tuple[tuple[str, Label], ...]): Labels with their guidelines; none without guidelines.
    """
    guidelines = dict(definitions)
    classes = [(name, list(docstring(label, name, guidelines.get(label)))) for label, name in class_names]
    return load_prompt_template("gollie").render(classes=classes, intents=[quote(intent) for intent in intents]).strip()


def docstring(label: str, name: str, definition: Optional[Label]) -> Iterator[str]:
    """Write the lines of a docstring; there are none if the name of the class says all.

    label (str): The label.
    name (str): Name of its class.
    definition (Optional[Label]): Guidelines.
    """
    if name != label:
        yield escape_docstring(label)
    if definition is not None:
        yield escape_docstring(definition.summary)
        if definition.examples:
            yield "Examples: " + ", ".join(escape_docstring(quote(example)) for example in definition.examples)


def escape_docstring(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


@dataclass(frozen=True)
class GollieGrammar:
    """Grammar of the list.

    States: ("head", 0), before anything; ("items", position), after an entity; ("first", position), before its span;
    ("inside", end, start, position), after some of its tokens, without a start if none from the position on has this text before
    it; ("done", tokens), after everything.
    """

    tokens: QuotedTokens
    ranges: TokenRanges
    names: tuple[str, ...]
    intents: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("head", 0)

    def occurrence(self, start: int, end: int, position: int) -> Optional[int]:
        """Return the number of a range among those with its text; None if it is the next one from a position on."""
        return None if self.ranges.is_next(start, end, position) else self.ranges.occurrence(start, end)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("head", _):
                return [Edge(head(intent), ("items", 0)) for intent in self.intents or (None,)]
            case ("items", int(position)):
                names = self.names if self.tokens.may_begin(position) else ()
                calls = [Edge(call_start(name), ("first", position)) for name in names]
                return [*calls, Edge(END, ("done", len(self.tokens)))]
            case ("first", int(position)):
                return [Edge(self.tokens.words[i], self._after(i, i + 1, position)) for i in self.tokens.may_begin(position)]
            case ("inside", int(end), start, int(position)):
                return list(self._inside(start, end, position))
            case ("done", _):
                return []
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _after(self, start: Optional[int], end: int, position: int) -> State:
        """Return the state after some tokens of an entity, of which an earlier place may have the text, or not."""
        first = None if start is None else self.ranges.earlier(start, end, position)
        return ("inside", end, None, end) if first is None else ("inside", end, start, first)

    def _inside(self, start: Optional[int], end: int, position: int) -> Iterator[Edge]:
        if self.tokens.may_end(end):
            occurrence = None if start is None else self.occurrence(start, end, position)
            yield Edge(call_end(occurrence), ("items", end))
        following = self.tokens.next_written(end)
        if following is not None:
            yield Edge(following, self._after(start, end + 1, position))

    def may_end(self, state: State) -> bool:
        return state[0] == "done"


def create_gollie(guidelines: GuidelinesSetting = None, mentions: NextOrAll = "next", fuzzy: float = 0.0) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.Gollie.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    mentions (NextOrAll): Which place is meant where the words of an entity occur several times; see `Placement`, also for
        `fuzzy`.
    fuzzy (float): Least similarity of a place whose words differ; 0 for none.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(Gollie, guidelines, placement=by_order(mentions, fuzzy))
