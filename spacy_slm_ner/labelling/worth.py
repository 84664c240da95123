"""How much a text is worth asking about: where cheap pipelines are least sure, or disagree."""

from dataclasses import replace
from typing import NamedTuple, Optional, Sequence

from spacy.language import Language

from ..errors import ReadError
from ..pipeline.entity_pipe import EntityPipe
from .annotator import Annotator
from .labelling import Labelling

# Texts that are read at a time.
BATCH = 256


class Worth(NamedTuple):
    """Worth of a text; the greater, the more is to be learned from it.

    disagreement (float): Share of the entities of two pipelines that one of them alone has.
    doubt (float): Mean of two numbers: how unsure a pipeline is of its entities on average, and of the one it is least sure of.
    """

    disagreement: float
    doubt: float


def measure_worth(texts: Sequence[str], cheap: Language, against: Optional[Language] = None) -> list[Worth]:
    """Measure the worth of texts.

    texts (Sequence[str]): The texts.
    cheap (Language): A trained pipeline.
    against (Optional[Language]): Another one; None if there is none.
    RAISES (ReadError): If there is one pipeline, and it gives its entities no scores.
    """
    found = find_entities(texts, cheap)
    if against is not None:
        others = find_entities(texts, against)
        return [Worth(disagreement(one, other), doubt(one)) for one, other in zip(found, others)]
    entities = [entity for one in found for entity in one.entities]
    if entities and all(entity.score is None for entity in entities):
        raise ReadError(
            "The pipeline of --cheap gives its entities no scores, so it does not say where it is unsure. Take one with "
            "`bio_ner` or `slm_ner`, or name another pipeline with --against: texts on which the two disagree are chosen."
        )
    return [Worth(0.0, doubt(one)) for one in found]


def find_entities(texts: Sequence[str], nlp: Language) -> list[Labelling]:
    """Find the entities of texts, those that the pipeline is unsure of included."""
    for _, pipe in nlp.pipeline:
        if isinstance(pipe, EntityPipe):
            pipe.policy = replace(pipe.policy, threshold=0.0)
    annotator, found = Annotator(nlp), []
    for start in range(0, len(texts), BATCH):
        batch: dict[int, Labelling] = {}
        annotator.label(texts[start : start + BATCH], batch)
        found += [batch[number] for number in sorted(batch)]
    return found


def doubt(found: Labelling) -> float:
    """Return how unsure a pipeline is of a text; 0 if it has no entity with a score."""
    unsure = [1.0 - entity.score for entity in found.entities if entity.score is not None]
    return (sum(unsure) / len(unsure) + max(unsure)) / 2 if unsure else 0.0


def disagreement(one: Labelling, other: Labelling) -> float:
    """Return the share of the entities of two pipelines that one of them alone has; 0 if there are none."""
    first, second = ({entity.span for entity in found.entities} for found in (one, other))
    return len(first ^ second) / len(first | second) if first | second else 0.0
