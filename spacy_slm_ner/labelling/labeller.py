"""Passes of a pipeline over batches of texts."""

from typing import NamedTuple, Optional, Sequence

from spacy.language import Language

from ..errors import EndpointError
from .annotator import Annotator
from .endpoints import endpoints_of
from .labelling import Labelling
from .voting import vote


class BatchResult(NamedTuple):
    """What was found in a batch.

    found (dict[int, Labelling]): By the number of the text; texts that an error left without an answer are missing.
    error (Optional[EndpointError]): Why the run has to end; None if it can go on.
    """

    found: dict[int, Labelling]
    error: Optional[EndpointError] = None


class Labeller:
    """Labels batches of texts in one or several passes, each with a seed of its own.

    nlp (Language): The pipeline.
    passes (int): Number of passes. The first takes the seed of the config, or 0, and each other one the next number.
    """

    def __init__(self, nlp: Language, passes: int = 1) -> None:
        self.passes = passes
        self._annotator = Annotator(nlp)
        self._seeds = [(one, one.shim.settings.model.seed or 0) for one in endpoints_of(nlp)]

    def set_pass(self, number: int) -> None:
        """Take the seeds of a pass, counted from 0; the config's own where there is one pass."""
        for one, seed in self._seeds if self.passes > 1 else []:
            one.set_seed(seed + number)

    def label(self, texts: Sequence[str]) -> BatchResult:
        """Label a batch, and let the passes vote."""
        passes: list[dict[int, Labelling]] = [{} for _ in range(self.passes)]
        error = None
        for number, found in enumerate(passes):
            self.set_pass(number)
            try:
                self._annotator.label(texts, found)
            except EndpointError as caught:
                error = caught
                break
        whole = [number for number in range(len(texts)) if all(number in found for found in passes)]
        return BatchResult({number: vote([found[number] for found in passes]) for number in whole}, error)
