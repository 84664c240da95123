"""The base class of the components: labels, scores with a temperature, and a policy on what is written to a Doc."""

import math
from dataclasses import replace
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc
from spacy.vocab import Vocab
from thinc.api import Model

from ..errors import LabelError
from ..types import ScoredSpan
from .annotate import AnnotationPolicy, add_score_extension
from .label_names import check_name


class EntityPipe(TrainablePipe):
    """A trainable component whose predictions are entities with scores.

    vocab (Vocab): Of the pipeline.
    model (Model): Its model.
    name (str): Its name in the pipeline.
    policy (AnnotationPolicy): What is written, and where.
    labels (Sequence[str]): Entity labels that are known before training.
    scorer (Optional[Callable]): Scores Docs; see `make_slm_ner_scorer`.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        policy: AnnotationPolicy,
        *,
        labels: Sequence[str] = (),
        scorer: Optional[Callable] = None,
    ) -> None:
        self.vocab = vocab
        self.model = model
        self.name = name
        self.policy = policy
        self.scorer = scorer
        self.cfg: Dict[str, Any] = {"labels": [], "temperature": 1.0}
        for label in labels:
            self._add("labels", label)
        add_score_extension()

    @property
    def labels(self) -> Tuple[str, ...]:
        """Entity labels."""
        return tuple(self.cfg["labels"])

    def _add(self, kind: str, label: str) -> int:
        if label in self.cfg[kind]:
            return 0
        check_name(label, kind)
        self.cfg[kind].append(label)
        return 1

    def _require_names(self, *kinds: str) -> None:
        for kind in kinds:
            if not self.cfg[kind]:
                raise LabelError(
                    f"The component {self.name!r} has no {kind}. Name them in its config, add them with `add_label`, or let "
                    "`nlp.initialize` read them from training data."
                )

    @property
    def temperature(self) -> float:
        """The divisor of the log-odds of scores; see `labels.temperature.scale`."""
        return float(self.cfg["temperature"])

    @temperature.setter
    def temperature(self, value: float) -> None:
        if not 0 < value < math.inf:
            raise ValueError(f"Got the temperature {value}, allowed is anything above 0.")
        self.cfg["temperature"] = value

    def find(self, docs: Sequence[Doc]) -> List[List[ScoredSpan]]:
        """Find the entities of each Doc, as ranges of its tokens; nothing is written."""
        raise NotImplementedError

    def score_ents(self, docs: Sequence[Doc]) -> None:
        """Write all that is found to `doc.ents`, with its score, whatever the component's policy is."""
        policy = replace(self.policy, annotate="ents", overwrite="replace", threshold=0.0)
        for doc, found in zip(docs, self.find(docs)):
            policy.write(doc, found)

    def score(self, examples: Iterable[Any], **settings: Any) -> Dict[str, Any]:
        """Score predicted Docs; see `score_slm_ner`."""
        policy = {"annotate": self.policy.annotate, "spans_key": self.policy.spans_key}
        return super().score(examples, **{**policy, **settings})
