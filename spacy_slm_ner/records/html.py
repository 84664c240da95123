"""Texts with their entities marked, as HTML."""

from typing import Iterable, Mapping, Sequence

from markupsafe import Markup, escape
from spacy import displacy

from ..types import Span

# Light enough for dark text on them, and told apart by the colour-blind (Okabe & Ito 2008, lightened).
PALETTE = ("#9ecae9", "#fdd0a2", "#b2dfc4", "#e6c9e1", "#f5e79e", "#f4b8a8", "#cfd8dc", "#c5cae9")


def assign_colors(labels: Sequence[str]) -> dict[str, str]:
    """A colour for each label."""
    return {label: PALETTE[i % len(PALETTE)] for i, label in enumerate(labels)}


def render_entities(text: str, spans: Iterable[Span], colors: Mapping[str, str]) -> Markup:
    """A text by displaCy, which escapes the text but not the labels, whose colours it looks up in upper case.

    spans (Iterable[Span]): Ranges of characters.
    colors (Mapping[str, str]): Of the labels.
    """
    ents = [{"start": start, "end": end, "label": str(escape(label))} for start, end, label in sorted(spans)]
    options = {"colors": {str(escape(label)).upper(): color for label, color in colors.items()}}
    return Markup(displacy.render({"text": text, "ents": ents}, style="ent", manual=True, options=options, jupyter=False))
