"""HTML page, self-contained, of the quality of a set of records."""

from collections import Counter
from typing import Any, Iterator, Mapping, NamedTuple, Optional, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from spacy.tokens import Doc

from ..labels import best_category
from ..types import Span
from .html import assign_colors, render_entities
from .quality import diversity, giveaways, suspicions


class Count(NamedTuple):
    """Number of texts with a label or an intent, or without entities.

    name (str): Label or intent, or "no entity".
    number (int): Number of texts.
    share (float): Share of all texts; for a label, of the texts with entities.
    wanted (Optional[float]): Share that the spec asks for; None if there is none.
    """

    name: str
    number: int
    share: float
    wanted: Optional[float]


def count(docs: Sequence[Doc], wanted: Mapping[str, float]) -> list[Count]:
    """Count labels, intents, and texts without entities.

    docs (Sequence[Doc]): Texts with gold entities and categories.
    wanted (Mapping[str, float]): Shares that the spec asks for, by name; "no entity" for texts without entities.
    """
    filled = [doc for doc in docs if doc.ents]
    labels = Counter(label for doc in filled for label in {ent.label_ for ent in doc.ents})
    intents = Counter(intent for doc in docs if (intent := best_category(doc.cats)))
    numbers = [("no entity", len(docs) - len(filled), len(docs))]
    numbers += [(label, number, len(filled)) for label, number in sorted(labels.items())]
    numbers += [(intent, number, len(docs)) for intent, number in sorted(intents.items())]
    return [Count(name, number, number / max(total, 1), wanted.get(name)) for name, number, total in numbers]


def quality_page(docs: Sequence[Doc], damage: Mapping[str, int], wanted: Mapping[str, float], title: str) -> str:
    """Render the page.

    docs (Sequence[Doc]): Texts with gold entities and categories.
    damage (Mapping[str, int]): Number of findings by kind.
    wanted (Mapping[str, float]): See `count`.
    title (str): Heading of the page.
    RETURNS (str): HTML without any link to the outside.
    """
    environment = Environment(
        loader=PackageLoader("spacy_slm_ner.records"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    return environment.get_template("quality.html.jinja").render(
        title=title,
        docs=len(docs),
        labels=labels,
        intents=sorted({intent for doc in docs if (intent := best_category(doc.cats))}),
        counts=count(docs, wanted),
        diversity=diversity(docs),
        giveaways=giveaways(docs),
        suspicions=suspicions(docs),
        damage=damage,
        cards=cards(docs, assign_colors(labels)),
    )


def cards(docs: Sequence[Doc], colors: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield every text with its entities highlighted."""
    for number, doc in enumerate(docs, 1):
        spans = [Span(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        labels = list(dict.fromkeys(span.label for span in spans))
        html = render_entities(doc.text, spans, colors)
        yield {"number": number, "labels": labels, "intent": best_category(doc.cats), "html": html}
