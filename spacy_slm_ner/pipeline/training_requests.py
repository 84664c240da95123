"""From gold annotation to what a generator should answer."""

import logging
from typing import Iterator, List

from spacy.tokens import Doc
from spacy.training import Example

from ..constraints.grammar import CachedGrammar
from ..formats.base import Message, PromptFormat, Request
from .asking import next_turn
from .windows import WindowMaker

logger = logging.getLogger("spacy_slm_ner")


def make_training_requests(
    eg: Example, form: PromptFormat, maker: WindowMaker, constrained: bool, intent_weight: float = 1.0
) -> List[Request]:
    """Make a request with the right answer for each question about each window of a text.

    eg (Example): A text with gold entities, and a gold intent where the format asks for one.
    form (PromptFormat): The format.
    maker (WindowMaker): Cuts the text as it is cut in use; an entity that a window does not hold as a whole is left to its
        neighbour.
    constrained (bool): See `Request`.
    intent_weight (float): Weight of the decision on the intent, beside those on the words.
    RETURNS (List[Request]): None if the text lacks the annotation.
    """
    questions = form.questions(eg.predicted)
    intents = {intent for question in questions for intent in question.intents}
    labels = {label for question in questions for label in question.labels}
    cats = {name: value for name, value in eg.reference.cats.items() if name in intents and value > 0}
    if not eg.reference.has_annotation("ENT_IOB", require_complete=True) or (intents and not cats):
        return []
    aligned = eg.get_aligned_spans_y2x(eg.reference.ents, allow_overlap=False)
    unknown = sorted({span.label_ for span in aligned} - labels)
    if unknown:
        logger.warning("Gold entities of the labels %s are not learned: the component has only %s.", unknown, sorted(labels))
    gold = [span for span in aligned if span.label_ in labels]
    docs = [window.annotated(gold, cats) for window in maker.windows(eg.predicted)[0]]
    return [request for doc in docs for request in right_answers(doc, form, constrained, intent_weight)]


def right_answers(doc: Doc, form: PromptFormat, constrained: bool, intent_weight: float) -> Iterator[Request]:
    """Yield a request with the right answer for each question.

    doc (Doc): A window with gold entities and categories.
    """
    before: List[tuple[List[Message], str]] = []
    for question in form.questions(doc):
        messages, target = next_turn(question.render(doc), before), question.target(doc)
        before += [(messages, target)] if form.conversation else []
        weight = intent_weight if question.intents else 1.0
        yield Request(messages, CachedGrammar(question.constraint(doc)), constrained, target, first_line_weight=weight)
