"""Records with one intent, with none, and some with and some without: every command that reads records or Docs works."""

import json
from pathlib import Path
from random import Random
from typing import Any, Callable, Optional

import pytest
import spacy
from click.testing import Result

Run = Callable[..., Result]
WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omikron",
    "pi",
    "rho",
    "sigma",
    "tau",
]


def make_record(number: int, intent: Optional[str]) -> dict[str, Any]:
    text = " ".join([*Random(number).sample(WORDS, 6), f"Ada{number}"])
    return {"text": text, "labels": [{"word": f"Ada{number}", "label": "B-[b]x[/b]"}], "intent": intent}


@pytest.mark.parametrize(
    "intents",
    [
        pytest.param([None], id="none"),
        pytest.param([""], id="empty"),
        pytest.param(["ask"], id="one"),
        pytest.param(["ask", None, None], id="one-in-some"),
        pytest.param(["ask: why", None, "[b]tell[/b]"], id="two-in-some"),
    ],
)
def test_records_may_have_any_number_of_intents(run: Run, tmp_path: Path, intents: list[Optional[str]]) -> None:
    source, gold, figures = tmp_path / "records.json", tmp_path / "gold.spacy", tmp_path / "figures.json"
    source.write_text(json.dumps([make_record(number, intents[number % len(intents)]) for number in range(40)]))
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "[b]x[/b]", "pattern": "Ada1"}])  # type: ignore[attr-defined]
    nlp.to_disk(tmp_path / "model")
    commands = [
        ("check", source, "--on-error", "repair", "--labels", "", "--intents", "", "--word", "alpha"),
        ("convert", source, "--output", gold, "--labels", "", "--intents", ""),
        ("quality", source, "--output", tmp_path / "quality.html"),
        ("split", source, tmp_path / "parts", "--disjoint", ""),
        ("evaluate", tmp_path / "model", gold, "--output", figures),
        ("report", figures, "--output", tmp_path / "report.html", "--title", ""),
    ]
    results = [run(*command) for command in commands]
    assert [result.exit_code for result in results] == [0] * len(commands), [result.output for result in results]
    assert all("[b]x[/b]" in result.output for result in (results[0], results[2], results[4]))
    assert all(intent in results[2].output for intent in intents if intent)
