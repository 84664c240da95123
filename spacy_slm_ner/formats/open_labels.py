"""OpenLabels: labels, intents and format of each text on its own, from `doc.user_data["task"]`.

Trains a base on many label sets at once, and asks it for labels that it was never trained on.
"""

from dataclasses import dataclass
from typing import Callable, Optional, Sequence, TypedDict

from spacy.tokens import Doc

from .base import FormatFactory, GuidelinesSetting, LabelledFormat, PromptFormat, Question, with_guidelines
from .bio_lines import BioLines
from .inline_tags import InlineTags
from .span_lines import SpanLines
from .token_lines import TokenLines
from .trailing_tags import TrailingTags

TASK = "task"
FORMATS: dict[str, Callable[..., PromptFormat]] = {
    "BioLines": BioLines,
    "SpanLines": SpanLines,
    "InlineTags": InlineTags,
    "TokenLines": TokenLines,
    "TrailingTags": TrailingTags,
}


class Task(TypedDict):
    """Extraction task of one text.

    format (str): One of `FORMATS`.
    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents, one of which the answer names; empty if it names none.
    """

    format: str
    labels: Sequence[str]
    intents: Sequence[str]


@dataclass(frozen=True)
class OpenLabels(LabelledFormat):
    """The format of this module.

    otherwise (str): How texts without a task are asked for its own labels and intents.
    """

    otherwise: str = "BioLines"

    def questions(self, doc: Doc) -> Sequence[Question]:
        task: Optional[Task] = doc.user_data.get(TASK)
        if not task:
            return FORMATS[self.otherwise](self.labels, self.intents, self.guidelines).questions(doc)
        return FORMATS[task["format"]](task["labels"], task["intents"]).questions(doc)


def create_open_labels(otherwise: str = "BioLines", guidelines: GuidelinesSetting = None) -> FormatFactory:
    """Return the factory of the format, registered as `spacy-slm-ner.OpenLabels.v1`.

    otherwise (str): Format of texts without a task, by its name without version.
    guidelines (GuidelinesSetting): Descriptions and examples of the labels of such texts; see `with_guidelines`.
    RETURNS (FormatFactory): Makes the format for labels and intents.
    RAISES (ValueError): If there is no such format.
    """
    if otherwise not in FORMATS:
        raise ValueError(f"Got otherwise = {otherwise!r}, allowed are {', '.join(FORMATS)}.")
    return with_guidelines(OpenLabels, guidelines, otherwise=otherwise)
