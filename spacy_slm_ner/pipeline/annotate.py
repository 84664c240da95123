"""Writing entities to a Doc, and the policies on those that others have written."""

from dataclasses import dataclass
from typing import Literal, Sequence, get_args

from spacy.tokens import Doc, Span, SpanGroup

from ..types import ScoredSpan
from .conflicts import resolve

Annotate = Literal["ents", "spans", "both"]
Overwrite = Literal["replace", "merge", "keep"]
SCORE = "score"


@dataclass(frozen=True)
class AnnotationPolicy:
    """Where entities go.

    annotate (Annotate): "ents": to `doc.ents`; "spans": to `doc.spans[spans_key]`, with `attrs["scores"]`; "both".
    spans_key (str): The group's name. The group is the component's own: what is in it is replaced.
    overwrite (Overwrite): Which entities of `doc.ents` that were there before stay. "replace": none; "merge": those that do not
        overlap a new one; "keep": all, and new ones that overlap them are left out.
    threshold (float): Entities with a lower score are left out, from 0.0 (none is) to 1.0. Those without a score stay.
    """

    annotate: Annotate
    spans_key: str
    overwrite: Overwrite
    threshold: float

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("annotate", self.annotate, get_args(Annotate)),
            ("overwrite", self.overwrite, get_args(Overwrite)),
        ):
            if value not in allowed:
                raise ValueError(f"Got {name} = {value!r}, allowed are {', '.join(allowed)}.")
        if not 0.0 <= self.threshold <= 1.0:
            raise ValueError(f"Got threshold = {self.threshold}, allowed is 0.0 to 1.0.")

    def write(self, doc: Doc, found: Sequence[ScoredSpan]) -> None:
        """Write entities, and the score of each as `span._.score`, where it is known.

        doc (Doc): The Doc to change.
        found (Sequence[ScoredSpan]): Ranges of its tokens. Of those that overlap, the best scored goes to `doc.ents`.
        """
        found = [one for one in found if one.score is None or one.score >= self.threshold]
        if self.annotate != "ents":
            scores = {"scores": [score for _, score in found]}
            group = [Span(doc, span.start, span.end, label=span.label) for span, _ in found]
            doc.spans[self.spans_key] = SpanGroup(doc, name=self.spans_key, attrs=scores, spans=group)
        found = found if self.annotate == "spans" else resolve(found, "score", ())
        spans = [Span(doc, span.start, span.end, label=span.label) for span, _ in found]
        ents = spans if self.annotate == "spans" else self._resolve(spans, doc.ents)
        if self.annotate != "spans":
            doc.set_ents(ents, default="outside")
        others = [ent for ent in ents if ent not in spans]
        forget_scores(doc, keep=others)
        # A score belongs to a range: one that was left out must not lend its score to the entity in its place.
        taken = {(ent.start, ent.end) for ent in others}
        for span, (_, score) in zip(spans, found):
            if score is not None and (span.start, span.end) not in taken:
                span._.score = score

    def _resolve(self, new: Sequence[Span], old: Sequence[Span]) -> list[Span]:
        if self.overwrite == "replace":
            return list(new)
        stronger, weaker = (new, old) if self.overwrite == "merge" else (old, new)
        taken = {token.i for span in stronger for token in span}
        return [*stronger, *(span for span in weaker if not any(token.i in taken for token in span))]


def forget_scores(doc: Doc, keep: Sequence[Span]) -> None:
    """Remove `span._.score` of all ranges of a Doc but some.

    spaCy holds the value of an extension in `doc.user_data`, under ("._.", its name, first character, end).
    """
    kept = {(span.start_char, span.end_char) for span in keep}
    for key in list(doc.user_data):
        if key[:2] == ("._.", SCORE) and key[2:] not in kept:
            del doc.user_data[key]


def add_score_extension() -> None:
    """Make `span._.score` known: None where nobody has given one."""
    if not Span.has_extension(SCORE):
        Span.set_extension(SCORE, default=None)
