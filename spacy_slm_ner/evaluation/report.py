"""Evaluation report: a self-contained HTML page for any number of pipelines on one data set."""

from collections import Counter
from typing import Any, Iterator, Mapping, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from ..records.html import assign_colors, render_entities
from ..types import Span
from .pairing import PAIR_KINDS

Metrics = Mapping[str, Any]

ERRORS = tuple(kind for kind in PAIR_KINDS if kind != "correct")


def render_report(metrics: Sequence[Metrics], title: str) -> str:
    """Render the report.

    metrics (Sequence[Metrics]): Metrics that `evaluate` wrote, one for each pipeline.
    title (str): Heading of the page.
    RETURNS (str): HTML without any link to the outside.
    """
    environment = Environment(
        loader=PackageLoader("spacy_slm_ner.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    labels = sorted({label for m in metrics for label in m["entities"]["per_label"]})
    colors = assign_colors(labels)
    return environment.get_template("report.html.jinja").render(
        title=title,
        pipelines=metrics,
        labels=labels,
        colors=colors,
        errors=ERRORS,
        confusions=[confusion_rows(m["entities"]["confusion"]) for m in metrics],
        intent_confusions=[m["intents"] and confusion_rows(m["intents"]["confusion"]) for m in metrics],
        kind_counts=[Counter(pair["kind"] for text in m["texts"] for pair in text["pairs"]) for m in metrics],
        cards=[list(error_cards(m["texts"], colors)) for m in metrics],
    )


def confusion_rows(cells: Sequence[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    """Make a square table of counts by gold and predicted label, "O" last."""
    names = sorted({name for gold, predicted, _ in cells for name in (gold, predicted)}, key=lambda name: (name == "O", name))
    counts = {(gold, predicted): n for gold, predicted, n in cells}
    return {gold: {predicted: counts.get((gold, predicted), 0) for predicted in names} for gold in names}


def error_cards(texts: Sequence[Metrics], colors: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield every text with an error in its entities or its intent, gold and predicted entities highlighted."""
    for number, text in enumerate(texts, 1):
        kinds = sorted({pair["kind"] for pair in text["pairs"]} - {"correct"}, key=PAIR_KINDS.index)
        predicted_intent = text["predicted_intent"]
        wrong_intent = None not in (text["intent"], predicted_intent) and text["intent"] != predicted_intent
        if kinds or wrong_intent:
            yield {
                "number": number,
                "kinds": kinds,
                "wrong_intent": f"{text['intent']} read as {predicted_intent}" if wrong_intent else "",
                "labels": sorted(labels_of(text["pairs"])),
                "gold": render_entities(text["text"], spans_of(text["pairs"], "gold"), colors),
                "predicted": render_entities(text["text"], spans_of(text["pairs"], "predicted"), colors),
            }


def labels_of(pairs: Sequence[Metrics]) -> set[str]:
    """Return the labels of all errors."""
    return {span[2] for pair in pairs if pair["kind"] != "correct" for span in (pair["gold"], pair["predicted"]) if span}


def spans_of(pairs: Sequence[Metrics], side: str) -> list[Span]:
    """Return the gold or the predicted entities of a text."""
    return [Span(*pair[side]) for pair in pairs if pair[side]]
