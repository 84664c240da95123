"""TrailingTags: a copy of the text with tags behind the words, `Move it to 6<TIME> pm> on Friday<DATE>`; with intents, a first
line `intent: cancel`.

The first word of an entity is followed by its label, each other one by `>`. So every word is decided on when it has been written,
as in TokenLines. The same is decided of a word outside of entities, silently, so that an answer is hardly longer than its text.
White space is written as it comes, and is a word only inside an entity. Angle brackets of the text itself are written `\\<`, and
so are those of a label. An empty answer says that there is no entity.
"""

import re
from dataclasses import dataclass
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

LABEL = r"<(?P<label>(?:\\.|[^<>\\])+)>"
TAG = re.compile(rf"{LABEL}|>", re.DOTALL)
# The word before a label, and those that are said to belong to it.
TAGGED = re.compile(rf"(?P<first>(?:\\.|[^<>\\\s])+){LABEL}(?P<others>(?:\s*(?:\\.|[^<>\\\s])+>)*)", re.DOTALL)
CONTINUED = ">"
# What is chosen, and not written, behind a word outside of entities.
OUTSIDE = "|"


@dataclass(frozen=True)
class TrailingTags(LabelledFormat):
    """The format of this module."""

    def render(self, doc: Doc) -> list[Message]:
        return render_prompt("trailing_tags", self, doc.text)

    def target(self, doc: Doc) -> str:
        tokens = TrailingTagsTokens.from_doc(doc)
        tags = {
            i: f"<{tag_name(span.label)}>" if i == span.start else CONTINUED for span in gold_spans(doc) for i in range(*span[:2])
        }
        copied = [i for i in range(len(tokens)) if i in tags or not tokens.is_space[i]]
        before = [-1, *copied]
        copy = "".join(tokens.written(i, last) + tags.get(i, "") for last, i in zip(before, copied))
        return gold_intent_line(doc, self.intents) + copy

    def constraint(self, doc: Doc) -> Grammar:
        return with_intent_line(TrailingTagsGrammar(TrailingTagsTokens.from_doc(doc), tuple(self.labels)), self.intents)

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        intent, start = read_intent(text, self.intents)
        if not text[start:].strip():
            return ParsedAnswer([], intent, [])
        found = self._by_position(text, start, TrailingTagsTokens.from_doc(doc))
        if found is not None:
            return ParsedAnswer(found, intent, [])
        return find_by_words(text[start:], list(find_tagged_words(text, start)), doc, self.labels, intent)

    def complete_part(self, text: str) -> str:
        """Return the words that have an end, without the tag of an entity at the end that may go on."""
        words = re.sub(r"\S*\Z", "", text).rstrip()
        *_, last = [None, *TAGGED.finditer(words)]
        return words[: last.start("label") - 1] if last is not None and last.end() == len(words) else words

    def _by_position(self, answer: str, start: int, tokens: "TrailingTagsTokens") -> Optional[list[FoundEntity]]:
        """Find the entities of a complete copy by their positions; None if it is none, or has a tag that cannot stand there."""
        found: list[FoundEntity] = []
        place = start
        for i, word in enumerate(tokens.words):
            while answer.startswith(" ", place):
                place += 1
            if not answer.startswith(word, place):
                if tokens.is_space[i]:
                    continue
                return None
            place += len(word)
            tag = TAG.match(answer, place)
            if tag is None:
                continue
            label = None if tag["label"] is None else unescape(tag["label"])
            if label in self.labels:
                found.append(FoundEntity(Span(i, i + 1, str(label)), place, tag.end()))
            elif label is None and found and found[-1].span.end == i:
                found[-1] = found[-1]._replace(span=found[-1].span._replace(end=i + 1), end=tag.end())
            else:
                return None
            place = tag.end()
        return None if answer[place:].strip() else found


def find_tagged_words(answer: str, start: int) -> Iterator[TaggedWords]:
    """Find the tagged words of any answer.

    answer (str): The answer.
    start (int): Character at which its copy of the text begins.
    YIELDS (TaggedWords): Tagged words in order.
    """
    for match in TAGGED.finditer(answer, start):
        others, marks = re.subn(r"((?:\\.|[^>\\])+)>", r"\1", match["others"], flags=re.DOTALL)
        yield TaggedWords(match["label"], match["first"] + others, match.start(), match.end(), most_tokens=1 + marks)


@dataclass(frozen=True)
class TrailingTagsTokens(WrittenTokens):
    """Tokens as a copy has them."""

    special = "<>"

    def written(self, i: int, last: int) -> str:
        """Write token `i` behind token `last`, with a space where there is any white space between them."""
        between = last >= 0 and (bool(self.spaces[last]) or self.is_space[last] or i > last + 1)
        return f" {self.words[i]}" if between else self.words[i]


@dataclass(frozen=True)
class TrailingTagsGrammar:
    """Grammar of the copy.

    States: ("copied", last token, label that it may continue or None); ("tagged", last token, label of its entity or None).
    """

    tokens: TrailingTagsTokens
    labels: tuple[str, ...]

    @property
    def start(self) -> State:
        return ("tagged", -1, None)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("copied", int(i), label):
                return list(self._copied(i, label))
            case ("tagged", int(i), label):
                return list(self._words(i, label))
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _copied(self, i: int, label: Optional[str]) -> Iterator[Edge]:
        if label is not None:
            yield Edge(CONTINUED, ("tagged", i, label))
        if not self.tokens.is_space[i]:
            yield from (Edge(f"<{tag_name(name)}>", ("tagged", i, name)) for name in self.labels)
            yield Edge("", ("tagged", i, None), OUTSIDE)

    def _words(self, last: int, label: Optional[str]) -> Iterator[Edge]:
        """Offer the next word, and the white space before it where an entity may go on in it."""
        after = last + 1
        if label is not None and after < len(self.tokens) and self.tokens.is_space[after]:
            yield Edge(self.tokens.written(after, last), ("copied", after, label))
        i = self.tokens.next_word(last)
        if i is not None:
            yield Edge(self.tokens.written(i, last), ("copied", i, label if i == after else None))

    def may_end(self, state: State) -> bool:
        return state == self.start or (state[0] == "tagged" and self.tokens.next_word(state[1]) is None)


def create_trailing_tags(guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.TrailingTags.v1`.

    guidelines (GuidelinesSetting): Descriptions and examples of the labels; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    """
    return with_guidelines(TrailingTags, guidelines)
