"""The annotation that a Doc has already, as an answer that a generator may agree with."""

from spacy.tokens import Doc

from ..constraints.draft import Draft
from ..constraints.grammar import Grammar
from ..formats.base import Question
from .windows import DocWindow


def make_draft(question: Question, grammar: Grammar, window: DocWindow, doc: Doc) -> Draft:
    """Propose the entities that other components have found; where there are none, that there are none.

    question (Question): What is asked.
    grammar (Grammar): Its constraint for the window.
    window (DocWindow): Of the Doc; it gets the entities.
    doc (Doc): As it comes to the component. An intent is proposed if it has one in `doc.cats`.
    RETURNS (Draft): The proposal.
    """
    cats = {name: doc.cats[name] for name in question.intents if name in doc.cats}
    known = [ent for ent in doc.ents if ent.label_ in question.labels]
    text = question.target(window.annotated(known, cats or dict.fromkeys(question.intents[:1], 1.0)))
    # An intent is named in the first line; one that is not known is not proposed.
    first_line = text.partition("\n")
    start = len(first_line[0]) + len(first_line[1]) if question.intents and not cats else 0
    return Draft(grammar, text, start) if known else Draft(grammar, text, start, may_be_entity)


def may_be_entity(segment: str) -> bool:
    """Whether a word is of the kind that entities often are: with a capital letter, a digit or an at sign."""
    return any(char.isupper() or char.isdigit() or char == "@" for char in segment)
