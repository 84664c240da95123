"""Strict scores of entities by two independent libraries, which must agree."""

from typing import Sequence

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.tokens import Span as DocSpan
from spacy.training import Example

from ..errors import EvaluationError
from ..labels import encode_tags
from ..types import Span

Scores = dict[str, tuple[float, float, float]]
OVERALL = "all"


def token_tags(spans: Sequence[DocSpan], length: int) -> list[str]:
    """Encode the entities of a Doc as IOB2 tags of its tokens."""
    return encode_tags([Span(span.start, span.end, span.label_) for span in spans], length)


def spacy_scores(examples: Sequence[Example]) -> Scores:
    """Compute precision, recall and F1 overall and of each label by spaCy's scorer."""
    result = get_ner_prf(list(examples))
    rows = {OVERALL: {key: result[f"ents_{key}"] for key in "prf"}, **(result["ents_per_type"] or {})}
    return {label: (row["p"] or 0.0, row["r"] or 0.0, row["f"] or 0.0) for label, row in rows.items()}


def seqeval_scores(examples: Sequence[Example]) -> Scores:
    """Compute the same by seqeval, over the tokens of the reference. Its default mode is lenient, so strict IOB2 is set."""
    gold = [token_tags(eg.reference.ents, len(eg.reference)) for eg in examples]
    predicted = [token_tags(eg.get_aligned_spans_x2y(eg.predicted.ents), len(eg.reference)) for eg in examples]
    if not any(tag != "O" for tags in gold + predicted for tag in tags):
        return {OVERALL: (0.0, 0.0, 0.0)}
    rows = classification_report(gold, predicted, output_dict=True, mode="strict", scheme=IOB2, zero_division=0)
    names = {"micro avg": OVERALL}
    return {
        names.get(label, label): (float(row["precision"]), float(row["recall"]), float(row["f1-score"]))
        for label, row in rows.items()
        if label not in ("macro avg", "weighted avg")
    }


def require_annotation(gold: Sequence[Doc]) -> None:
    """Check that every gold Doc has entity annotation, as spaCy's scorer silently ignores the others.

    gold (Sequence[Doc]): The gold Docs.
    RAISES (EvaluationError): If one has none.
    """
    bare = [doc.text for doc in gold if not doc.has_annotation("ENT_IOB")]
    if bare:
        raise EvaluationError(
            f"{len(bare)} of {len(gold)} gold texts carry no entity annotation, the first is {bare[0][:60]!r}. "
            "spaCy would leave them out of the score in silence. Give texts without entities an empty list: doc.ents = []."
        )


def agreed_scores(examples: Sequence[Example]) -> Scores:
    """Compute the strict scores on which spaCy and seqeval agree.

    examples (Sequence[Example]): Predicted and gold Docs; every gold Doc must have entity annotation.
    RETURNS (Scores): Precision, recall and F1 by label, and overall under "all".
    RAISES (EvaluationError): If a gold Doc has none, or the two libraries disagree.
    """
    require_annotation([eg.reference for eg in examples])
    ours, theirs = spacy_scores(examples), seqeval_scores(examples)
    for label in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(label, (0.0, 0.0, 0.0)), theirs.get(label, (0.0, 0.0, 0.0))
        if any(abs(a - b) > 1e-9 for a, b in zip(mine, other)):
            raise EvaluationError(
                f"Two scorers disagree on {label}: spaCy has precision, recall, F1 {mine}, seqeval {other}. Where the tokens "
                "of the gold data are not those of the pipeline's tokenizer, score with the gold tokens (--gold-preproc)."
            )
    return ours
