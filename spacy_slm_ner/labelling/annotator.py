"""A pipeline over a batch of texts, of which each costs itself alone if it fails."""

from contextlib import suppress
from typing import Any, Callable, Iterable, Iterator, Sequence, Union

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
        for _, pipe in nlp.pipeline:
            # spaCy's parsers, `ner` among them, refuse a handler, as they have no attribute to keep it in.
            with suppress(AttributeError):
                pipe.set_error_handler(self._note)  # type: ignore[attr-defined]
        nlp.default_error_handler = self._note

    def _note(self, name: str, component: Callable, docs: Sequence[Doc], error: Exception) -> None:
        """Note that a component failed on Docs. An endpoint that fails as a whole fails on the next as well."""
        if isinstance(error, EndpointError):
            raise error
        self._failed |= {doc._context: f"{name}: {type(error).__name__}: {error}" for doc in docs}

    def label(self, texts: Sequence[str], found: dict[int, Labelling]) -> None:
        """Label texts, and put what was found into a dictionary, by number, as soon as it is there.

        RAISES (EndpointError): If an endpoint fails on all texts.
        """
        for number, doc in self.docs(texts):
            if isinstance(doc, str):
                found[number] = Labelling(problems=(doc,))
            else:
                found[number] = read_labelling(doc, self.nlp.pipe_names)

    def docs(self, texts: Sequence[str]) -> Iterator[tuple[int, Union[Doc, str]]]:
        """Yield the Doc of each text, or a sentence on why it has none, by number, as soon as it is there.

        RAISES (EndpointError): If an endpoint fails on all texts.
        """
        self._failed = {}
        missing = set(range(len(texts)))
        for number, doc in self._run(dict(enumerate(texts))):
            missing.discard(number)
            yield number, doc
        # A component that learns fails on a batch as a whole.
        for number in list(self._failed) if len(texts) > 1 else []:
            del self._failed[number]
            for _, doc in self._run({number: texts[number]}):
                missing.discard(number)
                yield number, doc
        for number in sorted(missing):
            yield number, self._failed.get(number, "the pipeline gave nothing back")

    def _run(self, texts: dict[int, str]) -> Iterator[tuple[int, Doc]]:
        pairs = list(self._make_docs(texts))
        left = {number for _, number in pairs}
        try:
            for doc, number in self.nlp.pipe(pairs, as_tuples=True, batch_size=max(len(pairs), 1)):
                left.discard(number)
                yield number, doc
        except EndpointError:
            raise
        except Exception as error:  # of a component without a handler
            self._failed |= {number: f"{type(error).__name__}: {error}" for number in left}

    def _make_docs(self, texts: dict[int, str]) -> Iterable[tuple[Doc, Any]]:
        for number, text in texts.items():
            try:
                yield self.nlp.make_doc(text), number
            except Exception as error:  # tokenizers of other packages raise what they like
                self._failed[number] = f"tokenizer: {type(error).__name__}: {error}"
