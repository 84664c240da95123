"""What a Doc says already, as an answer that a generator may agree with."""

from spacy.tokens import Doc, Span

from ..constraints.draft import Draft
from ..constraints.grammar import Grammar
from ..formats.base import PromptFormat
from .doc_windows import Part


def make_draft(form: PromptFormat, grammar: Grammar, part: Part, doc: Doc) -> Draft:
    """Propose the entities that other components have found; where there are none, that there are none.

    form (PromptFormat): The format.
    grammar (Grammar): Its constraint for the part.
    part (Part): Of the Doc; it gets the entities.
    doc (Doc): As it comes to the component. An intent is proposed if it has one in `doc.cats`.
    RETURNS (Draft): The proposal.
    """
    form = form.for_doc(part.doc)
    start, end, *_ = part.window
    known = [ent for ent in doc.ents if ent.label_ in form.labels and start <= ent.start and ent.end <= end]
    part.doc.set_ents([Span(part.doc, ent.start - start, ent.end - start, label=ent.label_) for ent in known], default="outside")
    cats = {name: doc.cats[name] for name in form.intents if name in doc.cats}
    part.doc.cats = cats or dict.fromkeys(form.intents[:1], 1.0)
    text = form.target(part.doc)
    # An intent is named in the first line.
    unknown = text.index("\n") + 1 if form.intents and not cats else 0
    return Draft(grammar, text, unknown)
