"""HTML of texts with highlighted entities."""

from typing import Iterable, Mapping, Sequence

from markupsafe import Markup, escape
from spacy import displacy

from ..types import Span

# Light enough for dark text, and distinguishable by colour-blind readers (Okabe & Ito 2008, lightened).
PALETTE = ("#9ecae9", "#fdd0a2", "#b2dfc4", "#e6c9e1", "#f5e79e", "#f4b8a8", "#cfd8dc", "#c5cae9")


def assign_colors(labels: Sequence[str]) -> dict[str, str]:
    """Assign a colour to each label."""
    return {label: PALETTE[i % len(PALETTE)] for i, label in enumerate(labels)}


def render_entities(text: str, spans: Iterable[Span], colors: Mapping[str, str]) -> Markup:
    """Render a text by displaCy, which does not escape labels, and looks up their colours in upper case.

    text (str): The text.
    spans (Iterable[Span]): Entities as ranges of characters.
    colors (Mapping[str, str]): Colours by label.
    RETURNS (Markup): HTML.
    """
    ents = [{"start": start, "end": end, "label": str(escape(label))} for start, end, label in sorted(spans)]
    options = {"colors": {str(escape(label)).upper(): color for label, color in colors.items()}}
    return Markup(displacy.render({"text": text, "ents": ents}, style="ent", manual=True, options=options, jupyter=False))
