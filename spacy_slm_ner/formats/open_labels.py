"""OpenLabels: every text brings its own labels, intents and format, in `doc.user_data["task"]`.

For training a base on many label sets at once, and for asking it for labels that it was never trained on.
"""

from dataclasses import dataclass
from typing import Sequence, TypedDict

from spacy.tokens import Doc

from ..constraints.grammar import Grammar
from .base import FormatFactory, LabelledFormat, Message, Parsed, PromptFormat
from .bio_lines import BioLines
from .inline_tags import InlineTags
from .span_lines import SpanLines
from .token_lines import TokenLines

TASK = "task"
FORMATS: dict[str, FormatFactory] = {
    "BioLines": BioLines,
    "SpanLines": SpanLines,
    "InlineTags": InlineTags,
    "TokenLines": TokenLines,
}


class Task(TypedDict):
    """What is asked of one text.

    format (str): One of `FORMATS`.
    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Empty for none.
    """

    format: str
    labels: Sequence[str]
    intents: Sequence[str]


@dataclass(frozen=True)
class OpenLabels(LabelledFormat):
    """See the module. Its own labels and intents are for texts without a task, which are asked for as BioLines."""

    def for_doc(self, doc: Doc) -> PromptFormat:
        task: Task = doc.user_data.get(TASK) or Task(format="BioLines", labels=self.labels, intents=self.intents)
        return FORMATS[task["format"]](task["labels"], task["intents"])

    def render(self, doc: Doc) -> list[Message]:
        return self.for_doc(doc).render(doc)

    def target(self, doc: Doc) -> str:
        return self.for_doc(doc).target(doc)

    def constraint(self, doc: Doc) -> Grammar:
        return self.for_doc(doc).constraint(doc)

    def parse(self, text: str, doc: Doc) -> Parsed:
        return self.for_doc(doc).parse(text, doc)


def create_open_labels() -> FormatFactory:
    """Registered as `spacy-slm-ner.OpenLabels.v1`. RETURNS (FormatFactory): Makes the format for labels and intents."""
    return OpenLabels
