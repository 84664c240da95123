"""From gold annotation to what a generator should answer."""

from typing import Dict, Iterable, List, Sequence

from spacy.tokens import Span
from spacy.training import Example

from ..formats.base import PromptFormat, Request
from .parts import PartMaker


def make_lessons(eg: Example, form: PromptFormat, maker: PartMaker, constrained: bool) -> List[Request]:
    """The right answer to each part of a text.

    eg (Example): A text with gold entities, and a gold intent where the format asks for one.
    form (PromptFormat): The format.
    maker (PartMaker): Cuts the text as it is cut in use; an entity that a part does not hold as a whole is left to its neighbour.
    constrained (bool): See `Request`.
    RETURNS (List[Request]): None if the text lacks the annotation.
    """
    cats = eg.reference.cats
    if not eg.reference.has_annotation("ENT_IOB") or (form.intents and not set(form.intents) & set(cats)):
        return []
    gold = eg.get_aligned_spans_y2x(eg.reference.ents, allow_overlap=False)
    lessons = []
    for _, (start, end, *_), doc in maker.parts(eg.predicted)[0]:
        inside = [span for span in gold if start <= span.start and span.end <= end]
        spans = [Span(doc, span.start - start, span.end - start, label=span.label_) for span in inside]
        doc.set_ents(spans, default="outside")
        doc.cats = {name: value for name, value in cats.items() if not form.intents or name in form.intents}
        lessons.append(Request(form.render(doc), form.constraint(doc), constrained, form.target(doc)))
    return lessons


def names_in(examples: Iterable[Example]) -> Dict[str, Sequence[str]]:
    """Entity labels and intents of annotated examples, sorted."""
    labels, intents = set(), set()
    for eg in examples:
        labels |= {ent.label_ for ent in eg.reference.ents}
        intents |= set(eg.reference.cats)
    return {"labels": sorted(labels), "intents": sorted(intents)}
