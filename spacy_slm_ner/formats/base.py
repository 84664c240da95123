"""The protocol of a prompt format, and helpers that all formats share."""

import re
from dataclasses import dataclass
from functools import lru_cache, partial, update_wrapper
from pathlib import Path
from typing import Any, Callable, Dict, Literal, NamedTuple, Optional, Protocol, Sequence, TypedDict, Union

from spacy.tokens import Doc

from ..constraints.draft import Draft
from ..constraints.grammar import Grammar
from ..labels.guidelines import Guidelines, Label, parse_guidelines, read_guidelines
from ..types import Span


class Message(TypedDict):
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class FoundEntity(NamedTuple):
    """An entity that an answer names, and the range of characters of the answer that names it.

    span (Span): Range of tokens.
    start (int): First character. The segments of the range give the entity its score.
    end (int): Position after the last character.
    """

    span: Span
    start: int
    end: int


class ParsedAnswer(NamedTuple):
    """The content of an answer.

    found (list[FoundEntity]): Entities in text order, not overlapping.
    intent (Optional[str]): None if the answer names none.
    problems (list[str]): A phrase for each part that could not be used.
    """

    found: list[FoundEntity]
    intent: Optional[str]
    problems: list[str]

    @property
    def spans(self) -> list[Span]:
        return [found.span for found in self.found]


class Question(Protocol):
    """Writer of one request about a text, and reader of its answer.

    For any Doc with entities that do not overlap, `parse(target(doc), doc)` returns those of its labels, and `constraint(doc)`
    can write the target.
    """

    @property
    def labels(self) -> Sequence[str]:
        """Entity labels that it asks for."""
        ...

    @property
    def intents(self) -> Sequence[str]:
        """Intents, one of which the answer names; empty if it names none."""
        ...

    def render(self, doc: Doc) -> list[Message]:
        """Write the prompt."""
        ...

    def target(self, doc: Doc) -> str:
        """Write the right answer for a Doc with gold entities (and a gold category, where there are intents)."""
        ...

    def constraint(self, doc: Doc) -> Grammar:
        """Return the grammar of the answers that decoding may write."""
        ...

    def schema(self) -> Optional[Dict[str, Any]]:
        """Return the JSON schema of the answers, strict, for endpoints; None if they are no JSON objects."""
        ...

    def parse(self, text: str, doc: Doc) -> ParsedAnswer:
        """Read any answer, constrained or not."""
        ...

    def complete_part(self, text: str) -> str:
        """Return the part of an answer that was cut off which does not depend on what is missing."""
        ...


class PromptFormat(Protocol):
    """What a generator is asked about a text: once, or several times."""

    @property
    def labels(self) -> Sequence[str]:
        """Entity labels."""
        ...

    @property
    def intents(self) -> Sequence[str]:
        """Intents, one of which is named for each text; empty if none is."""
        ...

    @property
    def conversation(self) -> bool:
        """Whether the questions about a text are turns of one chat: each goes on behind the answer before it."""
        ...

    def questions(self, doc: Doc) -> Sequence[Question]:
        """Return the questions about a Doc, in the order in which they are asked."""
        ...


@dataclass(frozen=True)
class LabelledFormat:
    """Fields of all formats. Most ask one question about a text, and are that question themselves.

    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents, one of which the first line of the answer names; empty for no such line.
    guidelines (Optional[Guidelines]): What the prompt says about each label besides its name.
    """

    labels: Sequence[str]
    intents: Sequence[str] = ()
    guidelines: Optional[Guidelines] = None

    def __post_init__(self) -> None:
        """RAISES (LabelError): If a label is not in the guidelines."""
        if self.guidelines is not None:
            self.guidelines.select(self.labels)

    @property
    def conversation(self) -> bool:
        """False: questions are independent."""
        return False

    def complete_part(self, text: str) -> str:
        """Return the whole text: where an entity ends is marked, so one without its end is not read."""
        return text

    def questions(self: Question, doc: Doc) -> Sequence[Question]:
        """Return the questions about a Doc: this one."""
        return (self,)

    def schema(self) -> Optional[Dict[str, Any]]:
        """None: answers are no JSON objects."""
        return None

    @property
    def definitions(self) -> tuple[tuple[str, Label], ...]:
        """Labels with what the guidelines say about them; none without guidelines."""
        return () if self.guidelines is None else tuple(self.guidelines.select(self.labels).items())


# Makes a format for labels and intents, which come from the data or a trained pipeline and are known later than the config.
FormatFactory = Callable[[Sequence[str], Sequence[str]], PromptFormat]
# A YAML file, or what stands under `labels` of one.
GuidelinesSetting = Optional[Union[str, Dict[str, Dict[str, Any]]]]


def with_guidelines(format: Callable[..., PromptFormat], guidelines: GuidelinesSetting, **settings: Any) -> FormatFactory:
    """Make the factory of a format.

    format (Callable[..., PromptFormat]): A class of formats.
    guidelines (GuidelinesSetting): YAML file with descriptions and examples of the labels, such as the spec of `generate`, or
        they themselves; None for prompts with the names of the labels alone.
    settings (Any): Further arguments of the class.
    RETURNS (FormatFactory): Makes the format for labels and intents. It raises a LabelError for a label without an entry.
    RAISES (ReadError): If the file cannot be read, or holds something else.
    """
    if isinstance(guidelines, str):
        settings["guidelines"] = read_guidelines(Path(guidelines))
    elif guidelines is not None:
        settings["guidelines"] = parse_guidelines(guidelines, "The config")
    # Adapters are compared by the name of their format.
    return update_wrapper(partial(format, **settings), format, updated=()) if settings else format


class Request(NamedTuple):
    """A question to a generator.

    messages (Sequence[Message]): The prompt.
    grammar (Grammar): Grammar of the answers. Its segments are the units of tokenization, in targets as well.
    constrained (bool): Whether only answers of the grammar may be written.
    target (Optional[str]): The right answer, for training.
    draft (Optional[Draft]): A proposed answer, which saves time where it is right and never changes the answer.
    longest_answer (Optional[str]): An answer of the greatest length that can be needed, where the model writes freely; None if it
        is not known.
    first_line_weight (float): Weight of what is decided in the first line of the target, in training.
    schema (Optional[Dict[str, Any]]): JSON schema of the answers, for endpoints; None if there is none.
    """

    messages: Sequence[Message]
    grammar: Grammar
    constrained: bool = True
    target: Optional[str] = None
    draft: Optional[Draft] = None
    longest_answer: Optional[str] = None
    first_line_weight: float = 1.0
    schema: Optional[Dict[str, Any]] = None


ESCAPED = re.compile(r"\\(u[0-9a-f]{4}|.)", re.DOTALL)


@lru_cache(maxsize=65_536)
def escape(text: str, special: str = "", keep: str = "") -> str:
    """Write a text on one line, so that `unescape` can restore it.

    White space, control characters and lone surrogates become `\\uXXXX`; backslashes and special characters get a backslash.

    text (str): Any text.
    special (str): Characters that have a meaning in the format.
    keep (str): White space to leave as it is.
    RETURNS (str): The escaped text.
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
    """Escape a label, except for its spaces."""
    return escape(label, special, keep=" ")


def labels_by_name(labels: Sequence[str]) -> dict[str, str]:
    """Map case-folded names to labels."""
    return {label.casefold(): label for label in labels}


def gold_spans(doc: Doc) -> list[Span]:
    """Return the entities of a Doc as ranges of tokens, without white space at their ends."""
    trimmed = (trim(doc, Span(ent.start, ent.end, ent.label_)) for ent in doc.ents)
    return [span for span in trimmed if span.start < span.end]


def trim(doc: Doc, span: Span) -> Span:
    """Remove white-space tokens from the ends of a range of tokens; the range is empty if it has no others."""
    start, end, label = span
    while start < end and doc[start].is_space:
        start += 1
    while start < end and doc[end - 1].is_space:
        end -= 1
    return Span(start, end, label)
