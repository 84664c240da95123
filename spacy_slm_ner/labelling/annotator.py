"""A pipeline over a batch of texts, of which each costs itself alone if it fails."""

from typing import Any, Callable, Iterable, Sequence

from spacy.language import Language
from spacy.tokens import Doc

from ..errors import EndpointError
from .labelling import Labelling, read_labelling


class Annotator:
    """Labels batches of texts. Errors of components are kept as problems of their texts, unless an endpoint fails on all texts.

    nlp (Language): The pipeline, whose error handler is replaced.
    """

    def __init__(self, nlp: Language) -> None:
        self.nlp = nlp
        self._failed: dict[int, str] = {}
        nlp.set_error_handler(self._note)  # type: ignore[arg-type]

    def _note(self, name: str, component: Callable, docs: Sequence[Doc], error: Exception) -> None:
        """Note that a component failed on Docs. An endpoint that fails as a whole fails on the next as well."""
        if isinstance(error, EndpointError):
            raise error
        self._failed |= {doc._context: f"{name}: {type(error).__name__}: {error}" for doc in docs}

    def label(self, texts: Sequence[str], found: dict[int, Labelling]) -> None:
        """Label texts, and put what was found into a dictionary, by number, as soon as it is there.

        RAISES (EndpointError): If an endpoint fails on all texts.
        """
        self._failed = {}
        self._run(dict(enumerate(texts)), found)
        # A component that learns fails on a batch as a whole.
        for number in list(self._failed) if len(texts) > 1 else []:
            del self._failed[number]
            self._run({number: texts[number]}, found)
        found |= {number: Labelling(problems=(problem,)) for number, problem in self._failed.items()}
        found |= {n: Labelling(problems=("the pipeline gave nothing back",)) for n in range(len(texts)) if n not in found}

    def _run(self, texts: dict[int, str], found: dict[int, Labelling]) -> None:
        pairs = list(self._make_docs(texts))
        for doc, number in self.nlp.pipe(pairs, as_tuples=True, batch_size=max(len(pairs), 1)):
            found[number] = read_labelling(doc, self.nlp.pipe_names)

    def _make_docs(self, texts: dict[int, str]) -> Iterable[tuple[Doc, Any]]:
        for number, text in texts.items():
            try:
                yield self.nlp.make_doc(text), number
            except Exception as error:  # tokenizers of other packages raise what they like
                self._failed[number] = f"tokenizer: {type(error).__name__}: {error}"
