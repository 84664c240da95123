"""Guidelines: what each label means. One YAML file serves `generate` and the prompts of `slm_ner`."""

from pathlib import Path
from typing import Annotated, Any, Iterable, Mapping, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import LabelError, ReadError
from ..user_files import faults_of, read_yaml
from .names import is_name

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Label(BaseModel):
    """An entity label.

    description (str): Definition of the label, and of its boundaries.
    examples (tuple[str, ...]): Examples of entities.
    share (Share): Share of the texts with entities in which it should occur. Prompts of `slm_ner` do not use it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    description: str = Field(min_length=1)
    examples: tuple[str, ...] = ()
    share: Share = 0.5

    @property
    def summary(self) -> str:
        """Description on one line."""
        return " ".join(self.description.split())


def check_names(names: Mapping[str, Any]) -> None:
    """Check the names of labels or intents.

    RAISES (ValueError): If one cannot be written in a prompt, or means that there is no entity.
    """
    for name in names:
        if not is_name(name) or name.upper() == "O":
            raise ValueError(
                f"got the name {name!r}, allowed is text on one line, without white space at its ends, that is not 'O'"
            )


class LabelledFile(BaseModel):
    """The part of a spec that guidelines are read from; its other fields belong to `generate`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: dict[str, Label] = Field(min_length=1)

    @field_validator("labels")
    @classmethod
    def validate_names(cls, names: dict[str, Label]) -> dict[str, Label]:
        """Validate the names of labels."""
        check_names(names)
        return names


class Guidelines(NamedTuple):
    """Descriptions and examples of labels.

    source (str): File that they come from.
    labels (Mapping[str, Label]): By name.
    """

    source: str
    labels: Mapping[str, Label]

    def to_config(self) -> dict[str, dict[str, Any]]:
        """Write all entries as a config can hold them."""
        return {name: {"description": one.description, "examples": list(one.examples)} for name, one in self.labels.items()}

    def select(self, names: Iterable[str]) -> dict[str, Label]:
        """Return the entries of some labels.

        names (Iterable[str]): Names of labels.
        RETURNS (dict[str, Label]): In the order of the names.
        RAISES (LabelError): If a label has no entry.
        """
        names = list(names)
        missing = [name for name in names if name not in self.labels]
        if missing:
            raise LabelError(
                f"The guidelines in {self.source} describe {list(self.labels)}, not {missing}. Add "
                "`LABEL: {description: ..., examples: [...]}` under `labels` for each label of the data."
            )
        return {name: self.labels[name] for name in names}


def parse_guidelines(labels: Mapping[str, Any], source: str) -> Guidelines:
    """Read guidelines from a mapping.

    labels (Mapping[str, Any]): Descriptions and examples by label, as under `labels` of a file.
    source (str): Where it stands, for errors.
    RETURNS (Guidelines): Guidelines.
    RAISES (ReadError): If something else is in it.
    """
    return validated({"labels": labels}, source)


def read_guidelines(path: Path) -> Guidelines:
    """Read guidelines.

    path (Path): A spec of `generate`, or a YAML file that has its field `labels` alone.
    RETURNS (Guidelines): Guidelines.
    RAISES (ReadError): If the file cannot be read, or has no such field; the message names what is wrong.
    """
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ReadError(
            f"{path} holds {type(content).__name__}, guidelines are a mapping `labels: {{LABEL: {{description: ..., "
            "examples: [...]}}}`."
        )
    return validated(content, str(path))


def validated(content: Mapping[str, Any], source: str) -> Guidelines:
    try:
        return Guidelines(source, LabelledFile.model_validate(content).labels)
    except ValidationError as error:
        raise ReadError(
            f"{source}: {faults_of(error, 'guidelines')}. Guidelines are a mapping `labels: {{LABEL: {{description: ..., "
            "examples: [...]}}}`."
        ) from None
