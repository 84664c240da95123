"""What a pipeline found in a text."""

from numbers import Real
from typing import NamedTuple, Optional, Sequence

from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan

from ..formats.answer_problems import is_harmless
from ..labels import best_category
from ..types import ScoredSpan, Span

# Digits behind the point of a score in a record.
DIGITS = 4


class Labelling(NamedTuple):
    """What a pipeline, or several passes of it, found in a text.

    entities (tuple[ScoredSpan, ...]): Ranges of characters in text order, not overlapping.
    intent (Optional[str]): Intent; None if there is none.
    problems (tuple[str, ...]): Why it may lack something, a sentence each.
    remarks (tuple[str, ...]): What was noticed beside, and costs nothing.
    """

    entities: tuple[ScoredSpan, ...] = ()
    intent: Optional[str] = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def read_labelling(doc: Doc, components: Sequence[str]) -> Labelling:
    """Read what a pipeline wrote to a Doc.

    doc (Doc): The Doc.
    components (Sequence[str]): Names of the components, which may keep problems in `doc.user_data`.
    """
    found = tuple(ScoredSpan(Span(ent.start_char, ent.end_char, ent.label_), score_of(ent)) for ent in doc.ents)
    problems = [problem for name in components for problem in doc.user_data.get(name, {}).get("problems", [])]
    return Labelling(
        found,
        best_category(doc.cats),
        tuple(problem for problem in problems if not is_harmless(problem)),
        tuple(problem for problem in problems if is_harmless(problem)),
    )


def score_of(ent: DocSpan) -> Optional[float]:
    """Return the score of an entity; None if it has none from 0 to 1."""
    score = ent._.score if DocSpan.has_extension("score") else None
    if not isinstance(score, Real) or isinstance(score, bool):
        return None
    return round(float(score), DIGITS) if 0.0 <= float(score) <= 1.0 else None
