"""Texts whose entities are given by their offsets, as `annotate` writes them."""

from typing import Annotated, Any, Mapping, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ..alignment.offsets import Offsets, offset_table
from ..types import Span
from ..user_files import faults_of
from .schema import whole_characters


class Entity(BaseModel):
    """An entity.

    start (int): First position.
    end (int): Position after the last one.
    label (str): Label.
    text (Optional[str]): Its text, which is checked.
    """

    model_config = ConfigDict(strict=True)
    start: int = Field(ge=0)
    end: int
    label: str = Field(min_length=1)
    text: Optional[str] = None


class Annotation(BaseModel):
    """A text and its entities.

    text (str): The text.
    entities (list[Entity]): The entities.
    intent (Optional[str]): Intent of the text; None if there is none.
    offsets (Offsets): What their offsets count.
    """

    model_config = ConfigDict(strict=True)
    text: Annotated[str, AfterValidator(whole_characters)]
    entities: list[Entity]
    intent: Optional[str] = None
    offsets: Offsets = "codepoint"

    def spans(self) -> list[Span]:
        """Return the entities as ranges of characters.

        RAISES (ValueError): If one is empty, not inside the text, or has another text there.
        """
        characters = {offset: number for number, offset in enumerate(offset_table(self.text, self.offsets))}
        spans = []
        for entity in self.entities:
            start, end = characters.get(entity.start), characters.get(entity.end)
            if start is None or end is None or start >= end:
                raise ValueError(f"no characters of the text are from {entity.start} to {entity.end}, counted as {self.offsets}")
            if entity.text is not None and entity.text != self.text[start:end]:
                raise ValueError(
                    f"from {entity.start} to {entity.end} is {self.text[start:end]!r:.60}, not {entity.text!r:.60}; the "
                    f"offsets may count otherwise than as {self.offsets}"
                )
            spans.append(Span(start, end, entity.label))
        return spans


def is_annotation(payload: Any) -> bool:
    """Whether what was read from JSON gives entities by their offsets."""
    if not isinstance(payload, Mapping) or "labels" in payload or not isinstance(payload.get("entities"), list):
        return False
    return all(isinstance(one, Mapping) and {"start", "end", "label"} <= one.keys() for one in payload["entities"])


def parse_annotation(payload: Any) -> Annotation:
    """Check a text with entities that was read from JSON.

    RAISES (ValueError): If a field is wrong; the message names every such field and its value.
    """
    try:
        annotation = Annotation.model_validate(payload)
    except ValidationError as error:
        raise ValueError(faults_of(error, "annotation")) from None
    annotation.spans()
    return annotation
