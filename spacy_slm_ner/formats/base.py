"""What a prompt format is, and what all of them share."""

import re
from typing import Literal, NamedTuple, Optional, Protocol, Sequence, TypedDict

from spacy.tokens import Doc

from ..decoding.grammar import Grammar
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

    labels: Sequence[str]
    intents: Sequence[str]

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


ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)


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


def gold_spans(doc: Doc) -> list[Span]:
    """Entities of a Doc as ranges of tokens."""
    return [Span(ent.start, ent.end, ent.label_) for ent in doc.ents]
