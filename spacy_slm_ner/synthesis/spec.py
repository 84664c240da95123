"""The spec of `generate`: a YAML file that describes the records to write."""

from pathlib import Path
from typing import Annotated, Any, Optional

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from ..errors import ReadError
from ..labels.guidelines import Label, Share, check_names
from ..user_files import faults_of, read_yaml

Weight = Annotated[float, Field(gt=0.0)]


class SpecModel(BaseModel):
    """Base of the models of a spec, in which an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Length(SpecModel):
    """A length of texts.

    words (tuple[int, int]): Least and most number of words.
    weight (Weight): Frequency relative to the other lengths.
    """

    words: tuple[int, int]
    weight: Weight = 1.0

    @model_validator(mode="after")
    def validate_words(self) -> "Length":
        """Validate the order of the numbers."""
        if not 1 <= self.words[0] <= self.words[1]:
            raise ValueError(f"got words = {list(self.words)}, allowed are [least, most], from 1 up")
        return self


class EdgeCase(SpecModel):
    """A special case that must occur.

    ask (str): Instruction to the model.
    share (Share): Share of all texts in which it should occur.
    """

    ask: str = Field(min_length=1)
    share: Share = 0.02


class Spec(SpecModel):
    """Spec of `generate`; `configs/scheduling.yml` explains each field."""

    domain: str = Field(min_length=1)
    labels: dict[str, Label] = Field(min_length=1)
    intents: dict[str, str] = {}
    intent_weights: dict[str, Weight] = {}
    languages: dict[str, Weight] = {"English": 1.0}
    styles: dict[str, Weight] = {"plain": 1.0}
    lengths: dict[str, Length] = {"medium": Length(words=(8, 30))}
    without_entities: Share = 0.2
    edge_cases: tuple[EdgeCase, ...] = ()
    rules: tuple[str, ...] = ()
    records: int = Field(default=400, ge=1)
    per_request: int = Field(default=5, ge=1, le=50)
    seed: int = 0
    model: str = Field(default="gpt-4.1-mini", min_length=1)
    base_url: Optional[str] = None
    temperature: float = Field(default=1.0, ge=0.0, le=2.0)

    @field_validator("labels", "intents")
    @classmethod
    def validate_names(cls, names: dict[str, Any]) -> dict[str, Any]:
        """Validate the names of labels and intents."""
        check_names(names)
        return names

    @model_validator(mode="after")
    def validate_weights(self) -> "Spec":
        """Validate the weights of intents and the shares of edge cases."""
        unknown = sorted(set(self.intent_weights) - set(self.intents))
        if unknown:
            raise ValueError(f"intent_weights names {unknown}, but the intents are {sorted(self.intents)}")
        if sum(case.share for case in self.edge_cases) > 1.0:
            raise ValueError("the shares of the edge cases add up to more than 1")
        return self

    @property
    def weights_of_intents(self) -> dict[str, float]:
        """Weight of each intent."""
        return {name: self.intent_weights.get(name, 1.0) for name in self.intents}


def read_spec(path: Path) -> Spec:
    """Read a spec.

    RAISES (ReadError): If it cannot be read; the message names every field that is wrong and its value.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ReadError(f"{path} holds {type(content).__name__}, a spec is a mapping. `spacy-slm-ner init` writes one.")
    try:
        return Spec.model_validate(content)
    except ValidationError as error:
        raise ReadError(f"{path}: {faults_of(error, 'spec')}. The fields are {', '.join(Spec.model_fields)}.") from None
