"""What requests cost: a table that a user can override."""

from importlib.resources import files
from pathlib import Path
from typing import Optional

import srsly
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import ReadError
from ..records.schema import faults_of

MILLION = 1_000_000


class Usage(BaseModel):
    """Tokens of a request, as the endpoint counted them.

    prompt (int): Of the prompt, cached ones included.
    cached (int): Of the prompt, those that the endpoint had read before.
    completion (int): Of the answer.
    """

    model_config = ConfigDict(frozen=True)
    prompt: int = 0
    cached: int = 0
    completion: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            prompt=self.prompt + other.prompt,
            cached=self.cached + other.cached,
            completion=self.completion + other.completion,
        )


class Price(BaseModel):
    """US dollars for a million tokens.

    input (float): Of the prompt.
    cached (Optional[float]): Of its cached part; as `input` if not given.
    output (float): Of the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    input: float = Field(ge=0)
    cached: Optional[float] = Field(default=None, ge=0)
    output: float = Field(ge=0)

    def cost(self, usage: Usage) -> float:
        """US dollars."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.prompt - usage.cached
        return (fresh * self.input + usage.cached * cached + usage.completion * self.output) / MILLION


def read_prices(path: Optional[Path] = None) -> dict[str, Price]:
    """The package's table, with the entries of another file over it.

    path (Optional[Path]): JSON `{model: {"input": 0.4, "cached": 0.1, "output": 1.6}}`.
    RAISES (ReadError): If the file is something else.
    """
    prices = TypeAdapter(dict[str, Price])
    ours = prices.validate_python(
        srsly.json_loads((files(__package__) / "data" / "prices.json").read_text(encoding="utf8"))["models"]
    )
    if path is None:
        return ours
    try:
        return {**ours, **prices.validate_python(srsly.read_json(path))}
    except ValidationError as error:
        faults = faults_of(error, "prices")
    except (OSError, ValueError) as error:
        faults = str(error)
    raise ReadError(
        f"Cannot read the prices in {path}: {faults}. Give JSON "
        '{model: {"input": 0.4, "cached": 0.1, "output": 1.6}}, in US dollars for a million tokens.'
    )


def find_price(model: str, prices: dict[str, Price]) -> Optional[Price]:
    """The price of a model, by its name, also of a dated version such as gpt-4.1-mini-2025-04-14."""
    names = [name for name in prices if model == name or model.startswith(f"{name}-2")]
    return prices[max(names, key=len)] if names else None
