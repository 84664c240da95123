"""The longest answer that a question can need, so that a model which writes freely can be stopped."""

from spacy.tokens import Doc, Span

from .base import Question


def longest_answer(question: Question, doc: Doc) -> str:
    """Write the right answer for a text each of whose words is an entity, of the label with the longest name.

    question (Question): The question.
    doc (Doc): The text; it is not changed.
    """
    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    label = max(question.labels, key=len, default=None)
    if label is not None:
        copy.set_ents([Span(copy, token.i, token.i + 1, label=label) for token in copy if not token.is_space])
    copy.cats = dict.fromkeys(sorted(question.intents, key=len)[-1:], 1.0)
    return question.target(copy)
