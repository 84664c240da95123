"""How `spacy train` and `spacy evaluate` score a component of this package."""

from typing import Any, Callable, Dict, Iterable, Sequence

from spacy.scorer import Scorer, get_ner_prf
from spacy.training import Example


def make_slm_ner_scorer(spans_key: str = "sc") -> Callable[..., Dict[str, Any]]:
    """Registered as `spacy-slm-ner.slm_ner_scorer.v1`: entities strictly, and the span group and intents that both
    sides have.

    spans_key (str): The group that the component writes.
    RETURNS (Callable[..., Dict[str, Any]]): The scorer.
    """

    def score(examples: Iterable[Example], labels: Sequence[str] = (), **settings: Any) -> Dict[str, Any]:
        examples = list(examples)
        scores: Dict[str, Any] = get_ner_prf(examples)
        if any(spans_key in eg.predicted.spans and spans_key in eg.reference.spans for eg in examples):
            attr = f"spans_{spans_key}"
            scores |= Scorer.score_spans(
                examples,
                attr,
                getter=lambda doc, _: doc.spans.get(spans_key, []),
                has_annotation=lambda doc: spans_key in doc.spans,
                allow_overlap=True,
            )
        intents = sorted({name for eg in examples for name in eg.reference.cats})
        if intents and any(eg.predicted.cats for eg in examples):
            scores |= Scorer.score_cats(examples, "cats", labels=intents, multi_label=False)
        return scores

    return score
