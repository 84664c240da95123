"""InlineTags: a copy of the text with tags, `Move it to <TIME>6 pm</TIME> on <DATE>Friday</DATE>`; with intents, a first line
`intent: cancel`.

The copy is complete, so every word keeps its place and nothing needs to be counted. An angle bracket of the text itself is
written `\\<`, and so are those of a label. An empty answer says that there is no entity.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Iterator, Optional, Sequence

from spacy.tokens import Doc

from ..constraints.grammar import Edge, Grammar, State
from ..types import Span
from .base import (
    FormatFactory,
    FoundEntity,
    GuidelinesSetting,
    LabelledFormat,
    Message,
    ParsedAnswer,
    gold_spans,
    unescape,
    with_guidelines,
)
from .intent_line import gold_intent_line, read_intent, with_intent_line
from .prompts import render_prompt
from .tagged_words import TaggedWords, find_by_words, tag_name
from .tokens import WrittenTokens

# An escaped character matches first, so that it can neither open nor close a tag.
TAGGED = re.compile(r"\\.|<(?P<label>(?!/)(?:\\.|[^<>\\])+)>(?P<words>(?:\\.|[^\\])+?)</(?P=label)>", re.DOTALL)


def find_tagged_words(answer: str, start: int) -> Iterator[TaggedWords]:
    """Find the tagged words of an answer.

    answer (str): Any answer.
    start (int): Character at which its copy of the text begins.
    YIELDS (TaggedWords): Tagged words in order.
    """
    removed = start
    for match in TAGGED.finditer(answer, start):
        if match["label"] is not None:
            yield TaggedWords(match["label"], match["words"], match.start(), match.end(), match.start() - removed)
            removed += len(match[0]) - len(match["words"])


@dataclass(frozen=True)
class InlineTags(LabelledFormat):
    """The format of this module."""

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("inline_tags", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens = InlineTagsTokens.from_doc(doc)
        opening = {span.start: f"<{tag_name(span.label)}>" for span in gold_spans(doc)}
        closing = {span.end - 1: f"</{tag_name(span.label)}>" for span in gold_spans(doc)}
        copy = "".join(
            opening.get(i, "") + word + closing.get(i, "") + space
            for i, (word, space) in enumerate(zip(tokens.words, tokens.spaces))
        )
        return gold_intent_line(doc, self.intents) + copy

    def constraint(self, doc: Doc) -> Grammar:
        return with_intent_line(InlineTagsGrammar(InlineTagsTokens.from_doc(doc), tuple(self.labels)), self.intents)

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        intent, start = read_intent(text, self.intents)
        copy = text[start:]
        if not copy.strip():
            return ParsedAnswer([], intent, [])
        tagged = list(find_tagged_words(text, start))
        tokens = InlineTagsTokens.from_doc(doc)
        if TAGGED.sub(lambda match: match["words"] or match[0], copy) == tokens.text:
            found = [self._by_position(one, tokens) for one in tagged]
            if all(found):
                return ParsedAnswer([entity for entity in found if entity], intent, [])
        return find_by_words(copy, tagged, doc, self.labels, intent)

    def _by_position(self, tagged: TaggedWords, tokens: "InlineTagsTokens") -> Optional[FoundEntity]:
        """Find an entity of a complete copy by its position; None for an unknown label or a tag inside a token."""
        label = unescape(tagged.label)
        start = tokens.by_start.get(tagged.copy_start)
        end = tokens.by_end.get(tagged.copy_start + len(tagged.words))
        if label not in self.labels or start is None or end is None:
            return None
        return FoundEntity(Span(start, end, label), tagged.start, tagged.end)


@dataclass(frozen=True)
class InlineTagsTokens(WrittenTokens):
    """Tokens with their positions in the copy."""

    special = "<"

    @property
    def text(self) -> str:
        return "".join(word + space for word, space in zip(self.words, self.spaces))

    @cached_property
    def by_start(self) -> dict[int, int]:
        """Token that starts at each character."""
        lengths = (len(word) + len(space) for word, space in zip(self.words, self.spaces))
        return {start: i for i, start in enumerate(accumulate(lengths, initial=0)) if i < len(self)}

    @cached_property
    def by_end(self) -> dict[int, int]:
        """Number of tokens that end before each character, without the white space after the last one."""
        return {start + len(self.words[i]): i + 1 for start, i in self.by_start.items()}


@dataclass(frozen=True)
class InlineTagsGrammar:
    """Grammar of the copy.

    States: ("outside", tokens copied); ("open", token, label), right after an opening tag; ("inside", tokens copied, label).
    """

    tokens: InlineTagsTokens
    labels: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("outside", 0)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("outside", int(i)):
                return list(self._outside(i))
            case ("open", int(i), label):
                return [Edge(self.tokens.words[i], ("inside", i + 1, label))]
            case ("inside", int(i), label):
                return list(self._inside(i, label))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _outside(self, i: int) -> Iterator[Edge]:
        if i < len(self.tokens):
            yield Edge(self.tokens.words[i] + self.tokens.spaces[i], ("outside", i + 1))
            labels = () if self.tokens.is_space[i] else self.labels
            yield from (Edge(f"<{tag_name(label)}>", ("open", i, label)) for label in labels)

    def _inside(self, i: int, label: str) -> Iterator[Edge]:
        space = self.tokens.spaces[i - 1]
        yield Edge(f"</{tag_name(label)}>{space}", ("outside", i))
        if i < len(self.tokens):
            yield Edge(space + self.tokens.words[i], ("inside", i + 1, label))

    def may_end(self, state: State) -> bool:
        return state in (("outside", 0), ("outside", len(self.tokens)))


def create_inline_tags(guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.InlineTags.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(InlineTags, guidelines)
