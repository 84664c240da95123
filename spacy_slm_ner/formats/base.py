"""What a prompt format is, and what all of them share."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Callable, Literal, NamedTuple, Optional, Protocol, Sequence, TypedDict

from spacy.tokens import Doc

from ..constraints.draft import Draft
from ..constraints.grammar import Grammar
from ..types import Span


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class Found(NamedTuple):
    """An entity that an answer names.

    span (Span): Range of tokens.
    start (int): Where in the answer it is written, from this character ...
    end (int): ... to before this one. Its score is that of the segments in between.
    """

    span: Span
    start: int
    end: int


class Parsed(NamedTuple):
    """What an answer says.

    found (list[Found]): Entities in text order, not overlapping.
    intent (Optional[str]): None if the answer names none.
    problems (list[str]): One sentence for each part that could not be used.
    """

    found: list[Found]
    intent: Optional[str]
    problems: list[str]

    @property
    def spans(self) -> list[Span]:
        return [found.span for found in self.found]


class PromptFormat(Protocol):
    """Text in, text out: how a generator is asked for entities and how its answer reads.

    The law, for any Doc with non-overlapping entities: `parse(target(doc), doc)` gives them back, and `constraint(doc)`
    can write the target.
    """

    @property
    def labels(self) -> Sequence[str]:
        """Entity labels."""
        ...

    @property
    def intents(self) -> Sequence[str]:
        """Intents that the answer names one of; empty for none."""
        ...

    def for_doc(self, doc: Doc) -> "PromptFormat":
        """The format that a Doc is asked in: itself, unless texts differ in what is asked of them."""
        ...

    def render(self, doc: Doc) -> list[Message]:
        """The prompt."""
        ...

    def target(self, doc: Doc) -> str:
        """The right answer for a Doc with gold entities (and a gold category, where there are intents)."""
        ...

    def constraint(self, doc: Doc) -> Grammar:
        """All answers that can be parsed, as a grammar."""
        ...

    def parse(self, text: str, doc: Doc) -> Parsed:
        """Read any answer, also one that no constraint has shaped."""
        ...


@dataclass(frozen=True)
class LabelledFormat:
    """What all formats are made of.

    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents to name on the first line of the answer; empty for none.
    """

    labels: Sequence[str]
    intents: Sequence[str] = ()


# Labels and intents are known later than the config: they come from the data or from a trained pipeline.
FormatFactory = Callable[[Sequence[str], Sequence[str]], PromptFormat]


class Request(NamedTuple):
    """What a generator is asked.

    messages (Sequence[Message]): The prompt.
    grammar (Grammar): All answers that can be parsed; its segments are what targets are cut into as well.
    constrained (bool): Whether only such answers may be written.
    target (Optional[str]): The right answer, for training.
    draft (Optional[Draft]): An answer to agree with, which saves time where it is right and changes nothing where it is not.
    """

    messages: Sequence[Message]
    grammar: Grammar
    constrained: bool = True
    target: Optional[str] = None
    draft: Optional[Draft] = None


ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)


@lru_cache(maxsize=65_536)
def escape(text: str, special: str = "", keep: str = "") -> str:
    """Write a text on one line, so that it can be read back.

    White space, control characters and lone surrogates become `\\uXXXX`, backslashes and special characters get a backslash.

    text (str): Any text.
    special (str): Characters that mean something in the format.
    keep (str): White space to leave as it is.
    """
    return "".join(escape_char(char, special, keep) for char in text)


def escape_char(char: str, special: str, keep: str) -> str:
    if char in keep:
        return char
    if char == "\\" or char in special:
        return "\\" + char
    unprintable = char.isspace() or ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000
    return f"\\u{ord(char):04x}" if unprintable else char


def unescape(text: str) -> str:
    """Undo `escape`; a backslash that escapes nothing stays."""
    return ESCAPED.sub(lambda match: chr(int(match[1][1:], 16)) if len(match[1]) == 5 else match[1], text)


def escape_label(label: str, special: str) -> str:
    """Write a label where some characters mean something; its spaces stay."""
    return escape(label, special, keep=" ")


def labels_by_name(labels: Sequence[str]) -> dict[str, str]:
    """Labels by their names in any case."""
    return {label.casefold(): label for label in labels}


def gold_spans(doc: Doc) -> list[Span]:
    """Entities of a Doc as ranges of tokens, without white space at their ends."""
    trimmed = (trim(doc, Span(ent.start, ent.end, ent.label_)) for ent in doc.ents)
    return [span for span in trimmed if span.start < span.end]


def trim(doc: Doc, span: Span) -> Span:
    """A range of tokens without those of white space at its ends; empty if there are no others."""
    start, end, label = span
    while start < end and doc[start].is_space:
        start += 1
    while start < end and doc[end - 1].is_space:
        end -= 1
    return Span(start, end, label)
