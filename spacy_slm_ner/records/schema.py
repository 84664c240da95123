"""Schema of a record, as language models are asked to write it."""

from typing import Annotated, Any, Optional

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ..user_files import faults_of


class WordLabel(BaseModel):
    """One word of an entity.

    word (str): The word as it stands in the text.
    label (str): BIO label, "B-DATE" or "I-DATE".
    occurrence (Optional[int]): On the first word of an entity only: which occurrence of the entity's words in the text is
        meant, counted from 1. Needed where the order of the entities does not decide ("the 4 of us come at 4").
    score (Optional[float]): On the first word of an entity only: how sure its writer was, from 0 to 1. It is kept, not used.
    """

    model_config = ConfigDict(extra="forbid", strict=True)
    word: str = Field(min_length=1)
    label: str
    occurrence: Optional[int] = Field(default=None, ge=1)
    score: Optional[float] = Field(default=None, ge=0, le=1)


def whole_characters(text: str) -> str:
    """Reject half a character (a lone surrogate), which is left where an answer was cut off inside an emoji."""
    try:
        text.encode("utf8")
    except UnicodeEncodeError as error:
        raise ValueError(f"half a character (a lone surrogate) at position {error.start}") from None
    return text


class Record(BaseModel):
    """One labelled text.

    text (str): The text.
    labels (list[WordLabel]): The words that belong to an entity, in text order; all others are O and not listed.
    intent (Optional[str]): Intent of the text, one of a small set; None if there is none.
    """

    model_config = ConfigDict(strict=True)
    text: Annotated[str, AfterValidator(whole_characters)]
    labels: list[WordLabel]
    intent: Optional[str] = None


def parse_record(payload: Any) -> Record:
    """Check a record that was read from JSON.

    RAISES (ValueError): If a field is wrong; the message names every such field and its value.
    """
    try:
        return Record.model_validate(payload)
    except ValidationError as error:
        raise ValueError(
            f'{faults_of(error, "record")}. A record is {{"text": str, "labels": [{{"word": str, "label": str}}], "intent": str}}'
        ) from None
