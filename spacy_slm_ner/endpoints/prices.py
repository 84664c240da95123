"""Prices of models: a table that a user can override."""

from importlib.resources import files
from pathlib import Path
from typing import Optional

import srsly
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ..errors import ReadError
from ..user_files import faults_of

MILLION = 1_000_000


class Usage(BaseModel):
    """Tokens of a request, as the endpoint counts them.

    prompt (int): Tokens of the prompt, cached ones included.
    cached (int): Tokens of the prompt that the endpoint had cached.
    completion (int): Tokens of the answer.
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
    """Price in US dollars for a million tokens.

    input (float): Price of the prompt.
    cached (Optional[float]): Price of cached tokens of the prompt; None for the same as `input`.
    output (float): Price of the answer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    input: float = Field(ge=0)
    cached: Optional[float] = Field(default=None, ge=0)
    output: float = Field(ge=0)

    def cost(self, usage: Usage) -> float:
        """Return the cost of tokens in US dollars."""
        cached = self.input if self.cached is None else self.cached
        fresh = usage.prompt - usage.cached
        return (fresh * self.input + usage.cached * cached + usage.completion * self.output) / MILLION


def read_prices(path: Optional[Path] = None) -> dict[str, Price]:
    """Read the package's table, and override it by the entries of another file.

    path (Optional[Path]): File of JSON `{model: {"input": 0.4, "cached": 0.1, "output": 1.6}}`.
    RAISES (ReadError): If the file cannot be read, or has another form.
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
    """Find the price of a model by its name, also for a dated version such as gpt-4.1-mini-2025-04-14."""
    names = [name for name in prices if model == name or model.startswith(f"{name}-2")]
    return prices[max(names, key=len)] if names else None
