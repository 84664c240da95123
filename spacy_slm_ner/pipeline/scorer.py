"""The scorer of this package's components, for `spacy train` and `spacy evaluate`."""

from functools import partial
from typing import Any, Callable, Dict, Iterable, Sequence

from spacy.scorer import Scorer, get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example


def make_slm_ner_scorer() -> Callable[..., Dict[str, Any]]:
    """Registered as `spacy-slm-ner.slm_ner_scorer.v1`. RETURNS (Callable[..., Dict[str, Any]]): `score_slm_ner`."""
    return score_slm_ner


def score_slm_ner(
    examples: Iterable[Example],
    *,
    annotate: str = "ents",
    spans_key: str = "sc",
    intents: Sequence[str] = (),
    **settings: Any,
) -> Dict[str, Any]:
    """Score entities strictly, and intents.

    examples (Iterable[Example]): Predicted and gold Docs.
    annotate (str): Where the component writes entities. If to the span group alone, that is held against the gold entities.
    spans_key (str): The span group; scored as such as well where gold has it.
    intents (Sequence[str]): Those that the component writes; none if it writes no intent.
    RETURNS (Dict[str, Any]): Scores by name, as spaCy's scorer has them.
    """
    examples = list(examples)
    scores: Dict[str, Any] = get_ner_prf(examples) if annotate != "spans" else score_group(examples, "ents", spans_key)
    if any(spans_key in eg.reference.spans for eg in examples):
        scores |= score_group(examples, f"spans_{spans_key}", spans_key)
    if intents:
        scores |= Scorer.score_cats(examples, "cats", labels=list(intents), multi_label=False)
    return scores


def score_group(examples: Sequence[Example], name: str, spans_key: str) -> Dict[str, Any]:
    return Scorer.score_spans(examples, name, getter=partial(group_of, spans_key), allow_overlap=True)


def group_of(spans_key: str, doc: Doc, attr: str) -> Any:
    """Return the spans of a group, or the entities of a Doc that has no such group."""
    return doc.spans.get(spans_key, doc.ents)
