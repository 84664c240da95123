"""From gold annotation to what a generator should answer."""

import logging
from typing import List

from spacy.training import Example

from ..constraints.grammar import CachedGrammar
from ..formats.base import PromptFormat, Request
from .windows import WindowMaker

logger = logging.getLogger("spacy_slm_ner")


def make_training_requests(
    eg: Example, form: PromptFormat, maker: WindowMaker, constrained: bool, intent_weight: float = 1.0
) -> List[Request]:
    """Make a request with the right answer for each window of a text.

    eg (Example): A text with gold entities, and a gold intent where the format asks for one.
    form (PromptFormat): The format.
    maker (WindowMaker): Cuts the text as it is cut in use; an entity that a window does not hold as a whole is left to its
        neighbour.
    constrained (bool): See `Request`.
    intent_weight (float): Weight of the decision on the intent, beside those on the words.
    RETURNS (List[Request]): None if the text lacks the annotation.
    """
    form = form.for_doc(eg.predicted)
    cats = {name: value for name, value in eg.reference.cats.items() if name in form.intents and value > 0}
    if not eg.reference.has_annotation("ENT_IOB", require_complete=True) or (form.intents and not cats):
        return []
    aligned = eg.get_aligned_spans_y2x(eg.reference.ents, allow_overlap=False)
    unknown = sorted({span.label_ for span in aligned} - set(form.labels))
    if unknown:
        logger.warning("Gold entities of the labels %s are not learned: the component has only %s.", unknown, list(form.labels))
    gold = [span for span in aligned if span.label_ in form.labels]
    docs = [window.annotated(gold, cats) for window in maker.windows(eg.predicted)[0]]
    weight = intent_weight if form.intents else 1.0
    return [
        Request(form.render(doc), CachedGrammar(form.constraint(doc)), constrained, form.target(doc), first_line_weight=weight)
        for doc in docs
    ]
