"""`bio_ner`: one BIO tag for every token, as a spaCy component. It is made in `factory`."""

from itertools import islice
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model
from thinc.types import Floats2d

from ..errors import LabelError
from ..formats.base import trim
from ..labels.temperature import scale
from ..labels.transitions import Transitions, count_transitions
from ..labels.viterbi import Tagged, find_entities, tag_names
from ..types import ScoredSpan, Span
from .annotate import AnnotationPolicy
from .entity_pipe import EntityPipe
from .label_names import names_in

# In the place of a gold tag.
UNKNOWN = -1
# Texts whose tags are counted to initialize the model.
COUNTED = 10_000


class BioNerSettings(NamedTuple):
    """The settings of training; see `make_bio_ner` in `factory`."""

    class_weights: Dict[str, float]
    label_smoothing: float
    transition_weight: float

    def check(self) -> None:
        """RAISES (ValueError): If nothing could be learned."""
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ValueError(f"Got label_smoothing = {self.label_smoothing}, allowed is 0.0 to below 1.0.")
        if not 0.0 <= self.transition_weight < float("inf"):
            raise ValueError(f"Got transition_weight = {self.transition_weight}, allowed is 0.0 or more.")
        wrong = {name: weight for name, weight in self.class_weights.items() if not 0 <= weight < float("inf")}
        if wrong:
            raise ValueError(f"Got the class weights {wrong}, allowed is 0 or more.")


class BioNer(EntityPipe):
    """See `make_bio_ner` in `factory`."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str,
        settings: BioNerSettings,
        policy: AnnotationPolicy,
        *,
        labels: Sequence[str] = (),
        scorer: Optional[Callable] = None,
    ) -> None:
        settings.check()
        super().__init__(vocab, model, name, policy, labels=labels, scorer=scorer)
        self.settings = settings
        self.cfg["transitions"] = list(Transitions())

    @property
    def transitions(self) -> Transitions:
        """What is added for neighbouring tags: counted in training, times the component's weight."""
        return Transitions(*self.cfg["transitions"]).times(self.settings.transition_weight)

    @property
    def label_data(self) -> List[str]:
        """Labels, as `spacy init labels` writes and `initialize` takes them."""
        return list(self.labels)

    @property
    def tags(self) -> List[str]:
        """Tags in the order of the model's outputs."""
        return tag_names(self.labels)

    def add_label(self, label: str) -> int:
        """Add an entity label, before training. RETURNS (int): 1, or 0 if it is there."""
        if label not in self.labels and self.model.has_dim("nO"):
            raise LabelError(
                f"Got the new label {label!r} for {self.name!r}, whose model has an output for each of its labels already: "
                f"{', '.join(self.labels)}. Add labels before `nlp.initialize`, and train again."
            )
        return self._add("labels", label)

    # Prediction

    def predict(self, docs: Iterable[Doc]) -> List[List[ScoredSpan]]:
        """Find the entities of a batch: those of the best legal row of tags."""
        docs = list(docs)
        self._require_names("labels")
        if not any(len(doc) for doc in docs):
            return [[] for _ in docs]
        logits = [self.model.ops.to_numpy(one) for one in self.model.predict(docs)]
        return [list(self._read(doc, entities)) for doc, entities in zip(docs, find_entities(logits, self.transitions))]

    def _read(self, doc: Doc, entities: Sequence[Tagged]) -> Iterator[ScoredSpan]:
        for start, end, label, sure in entities:
            span = trim(doc, Span(start, end, self.cfg["labels"][label]))
            if span.start < span.end:
                yield ScoredSpan(span, scale(sure, self.temperature))

    def find(self, docs: Sequence[Doc]) -> List[List[ScoredSpan]]:
        return self.predict(docs)

    def set_annotations(self, docs: Iterable[Doc], found: Sequence[Sequence[ScoredSpan]]) -> None:
        """Write what was found."""
        for doc, entities in zip(docs, found):
            self.policy.write(doc, entities)

    # Training

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Optional[Language] = None,
        labels: Optional[Sequence[str]] = None,
    ) -> None:
        """Learn the labels and how their tags follow each other, and make the model's outputs.

        get_examples (Callable[[], Iterable[Example]]): Examples of the training data.
        nlp (Optional[Language]): The pipeline.
        labels (Optional[Sequence[str]]): What `spacy init labels` wrote, instead of looking at all examples.
        """
        validate_get_examples(get_examples, "BioNer.initialize")
        self.cfg["temperature"] = 1.0
        for label in labels or names_in(get_examples())["labels"]:
            self._add("labels", label)
        self._require_names("labels")
        unknown = sorted(set(self.settings.class_weights) - {"O", *self.labels})
        if unknown:
            raise LabelError(f"Got class weights for {unknown}, which are none of O, {', '.join(self.labels)}.")
        docs = [eg.x for eg in islice(get_examples(), 10)]
        rows = [self.gold_tags(eg) for eg in islice(get_examples(), COUNTED)]
        self.cfg["transitions"] = list(count_transitions(rows, len(self.labels)))
        self.model.initialize(X=docs, Y=[self.model.ops.asarray_f(one_hot(row, len(self.tags))) for row in rows])

    def get_loss(self, examples: Iterable[Example], scores: Sequence[Floats2d]) -> Tuple[float, List[Floats2d]]:
        """Weighted sum of the cross entropy over the tokens that have annotation, and its gradient with respect to the logits.

        A sum, as that of spaCy's `ner`, and of its `textcat` over texts: components that share an encoder share its gradient in
        these proportions. Beside a mean over tokens, one intent would count as much as the words of all texts together.

        scores (Sequence[Floats2d]): Probabilities of all tags for each token.
        """
        ops, tags = self.model.ops, self.tags
        gold = np.concatenate([self.gold_tags(eg) for eg in examples])
        weights: Any = np.array([self.settings.class_weights.get(tag.partition("-")[2] or tag, 1.0) for tag in tags])
        weight: Any = np.where(gold == UNKNOWN, 0.0, weights[gold])
        smooth = self.settings.label_smoothing
        hot = one_hot(gold, len(tags))
        target = hot * (1.0 - smooth) + (1.0 - hot) * smooth / (len(tags) - 1)
        share: Any = ops.asarray_f(weight[:, None])
        guessed, wanted = ops.xp.concatenate(scores), ops.asarray_f(target)
        gradient = (guessed - wanted) * share
        loss = -float((wanted * ops.xp.log(guessed + 1e-9) * share).sum())
        return loss, ops.unflatten(gradient, ops.asarray1i([len(one) for one in scores]))

    def gold_tags(self, eg: Example) -> NDArray:
        """Number of the gold tag of each predicted token; -1 where there is none, or it is unclear."""
        numbers = {tag: number for number, tag in enumerate(self.tags)}
        numbers |= {f"{other}-{label}": numbers[f"{prefix}-{label}"] for label in self.labels for other, prefix in ("UB", "LI")}
        return np.array([numbers.get(tag, UNKNOWN) for tag in eg.get_aligned_ner()], dtype=int)


def one_hot(tags: NDArray, number: int) -> Any:
    """1 at each tag, zeros where it is unknown. Shape: (tokens,) -> (tokens, number)."""
    return np.asarray(tags[:, None] == np.arange(number), dtype="f")
