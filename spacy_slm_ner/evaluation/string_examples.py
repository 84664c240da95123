"""Texts whose entities are strings, for protocols that compare strings instead of positions."""

from typing import NamedTuple, Optional, Sequence

from spacy.tokens import Doc
from spacy.training import Example

# The string of an entity, and its label.
LabelledString = tuple[str, str]


class StringExample(NamedTuple):
    """A text with its entities as strings.

    text (str): The text.
    gold (Sequence[LabelledString]): Gold entities, one for each mention.
    predicted (Optional[Sequence[LabelledString]]): Predicted entities in the order of the answer, whether they occur in the text
        or not. None for an answer that cannot be parsed.
    """

    text: str
    gold: Sequence[LabelledString]
    predicted: Optional[Sequence[LabelledString]]


def labelled_strings(doc: Doc) -> list[LabelledString]:
    """Return the entities of a Doc as strings, one for each mention."""
    return [(ent.text, ent.label_) for ent in doc.ents]


def to_strings(eg: Example) -> StringExample:
    """Replace the entities of an Example by their strings."""
    return StringExample(eg.reference.text, labelled_strings(eg.reference), labelled_strings(eg.predicted))
