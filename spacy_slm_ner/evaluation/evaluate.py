"""Evaluation of a pipeline on gold Docs, with all figures of the report."""

import time
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..labels import best_category
from ..types import Span
from .calibration import Calibration, measure_calibration
from .cost import endpoints_in, paid_by
from .intents import IntentScores, score_intents
from .pairing import Pair, pair_spans
from .protocols import SPAN, score_protocols
from .rates import Rates, measure_rates
from .scores import CREDIT, bootstrap_f1, confusion, score_labels, score_pairs
from .strict import Scores, agreed_scores, require_annotation

# The factory whose components ask a language model and keep what is wrong with its answers.
ASKS_A_MODEL = "slm_ner"


@dataclass(frozen=True)
class Evaluation:
    """All figures of one pipeline on one data set.

    examples (Sequence[Example]): Predicted and gold Docs.
    pairs (Sequence[Sequence[Pair]]): Entities of each text, as ranges of characters.
    agreed (Scores): Strict precision, recall and F1 on which spaCy and seqeval agree.
    intents (Optional[IntentScores]): None if the data or the pipeline has no intents.
    words_per_second (float): Tokens per second through `nlp.pipe`, in the fastest of the timed passes.
    calibration (Optional[Calibration]): None if the pipeline does not score its entities.
    unusable (list[str]): Problems with texts or answers that components report.
    protocols (dict[str, dict[str, Any]]): Figures by each protocol that was asked for; see `score_protocols`.
    rates (Optional[Rates]): Rates of what is wrong with answers.
    """

    examples: Sequence[Example]
    pairs: Sequence[Sequence[Pair]]
    agreed: Scores
    intents: Optional[IntentScores]
    words_per_second: float
    calibration: Optional[Calibration] = None
    unusable: Sequence[str] = ()
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    rates: Optional[Rates] = None

    @property
    def flat(self) -> list[Pair]:
        """Pairs of all texts."""
        return [pair for pairs in self.pairs for pair in pairs]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, and every text with its entities, as JSON can hold them."""
        low, high = bootstrap_f1(self.pairs)
        return {
            "docs": len(self.examples),
            "words": sum(len(eg.predicted) for eg in self.examples),
            "words_per_second": self.words_per_second,
            "entities": {
                **{mode: score_pairs(self.flat, mode).to_dict() for mode in CREDIT},
                "strict_f1_interval_95": [low, high],
                "per_label": {label: prf.to_dict() for label, prf in score_labels(self.flat).items()},
                "confusion": [[gold, predicted, n] for (gold, predicted), n in sorted(confusion(self.flat).items())],
            },
            "protocols": self.protocols,
            "rates": self.rates and self.rates._asdict(),
            "intents": self.intents and intents_to_dict(self.intents),
            "calibration": self.calibration and self.calibration.to_dict(),
            "unusable": list(self.unusable),
            "texts": [text_to_dict(eg, pairs) for eg, pairs in zip(self.examples, self.pairs)],
        }


def intents_to_dict(scores: IntentScores) -> dict[str, Any]:
    """Return scores of intents as JSON can hold them."""
    return {
        "accuracy": scores.accuracy,
        "macro_f1": scores.macro_f1,
        "per_label": scores.per_label,
        "confusion": [[gold, predicted, n] for (gold, predicted), n in sorted(scores.confusion.items())],
    }


def text_to_dict(eg: Example, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return a text with its entities and intents as JSON can hold them."""
    return {
        "text": eg.reference.text,
        "pairs": [{"kind": pair.kind, "gold": pair.gold, "predicted": pair.predicted} for pair in pairs],
        "intent": best_category(eg.reference.cats),
        "predicted_intent": best_category(eg.predicted.cats),
    }


def char_spans(doc: Doc) -> list[Span]:
    """Return the entities of a Doc as ranges of characters."""
    return [Span(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]


def bare_doc(nlp: Language, gold: Doc, gold_preproc: bool) -> Doc:
    """Make a Doc without annotation, tokenized by the pipeline or with the gold tokens."""
    if gold_preproc:
        return Doc(nlp.vocab, words=[token.text for token in gold], spaces=[bool(token.whitespace_) for token in gold])
    return nlp.make_doc(gold.text)


def annotate(nlp: Language, gold: Sequence[Doc], gold_preproc: bool, passes: int) -> tuple[list[Doc], float]:
    """Annotate bare copies of gold Docs several times.

    RETURNS (tuple[list[Doc], float]): Docs of the last pass, and seconds of the fastest.
    """
    seconds = []
    for _ in range(max(passes, 1)):
        docs = [bare_doc(nlp, doc, gold_preproc) for doc in gold]
        start = time.perf_counter()
        docs = list(nlp.pipe(docs))
        seconds.append(time.perf_counter() - start)
    return docs, min(seconds)


def restrict(doc: Doc, labels: Sequence[str]) -> Doc:
    """Copy a Doc without the entities of other labels."""
    copy = doc.copy()
    copy.ents = [ent for ent in copy.ents if ent.label_ in labels]
    return copy


def evaluate_docs(
    nlp: Language,
    gold: Sequence[Doc],
    gold_preproc: bool = False,
    labels: Sequence[str] = (),
    passes: int = 3,
    protocols: Sequence[str] = (SPAN,),
) -> Evaluation:
    """Evaluate a pipeline.

    nlp (Language): The pipeline.
    gold (Sequence[Doc]): Docs with gold entities and, optionally, exclusive gold categories.
    gold_preproc (bool): Use the gold tokens instead of the pipeline's tokenizer.
    labels (Sequence[str]): Entity labels to score; entities of other labels are dropped on both sides. Empty for all.
    passes (int): Number of timed passes; the first also warms up. There is one where an endpoint is asked.
    protocols (Sequence[str]): Names of the protocols to score by; see `PROTOCOLS`.
    RETURNS (Evaluation): The figures.
    RAISES (EvaluationError): If a gold Doc has no entity annotation, spaCy and seqeval disagree, or a protocol is unknown.
    """
    before = paid_by(nlp)
    # An endpoint is paid for each pass.
    docs, seconds = annotate(nlp, gold, gold_preproc, 1 if any(endpoints_in(nlp)) else passes)
    after = paid_by(nlp)
    require_annotation(gold)
    if labels:
        docs = [restrict(doc, labels) for doc in docs]
        gold = [restrict(doc, labels) for doc in gold]
    examples = [Example(doc, reference) for doc, reference in zip(docs, gold)]
    pairs = [pair_spans(char_spans(eg.reference), char_spans(eg.predicted)) for eg in examples]
    speed = sum(len(doc) for doc in docs) / max(seconds, 1e-9)
    unusable = [problem for doc in docs for problem in problems_of(doc, nlp.pipe_names)]
    asking = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == ASKS_A_MODEL]
    return Evaluation(
        examples,
        pairs,
        agreed_scores(examples),
        score_intents(gold, docs),
        speed,
        measure_calibration(docs, gold),
        unusable,
        score_protocols(protocols, examples, pairs),
        measure_rates(docs, asking, None if before is None or after is None else after - before),
    )


def problems_of(doc: Doc, components: Sequence[str]) -> list[str]:
    """Return the problems with a text that components report."""
    return [problem for name in components for problem in doc.user_data.get(name, {}).get("problems", [])]
