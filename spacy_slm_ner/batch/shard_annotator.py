"""A pipeline over the rows of a shard."""

from itertools import groupby
from typing import Callable, Container, Iterator, NamedTuple, Optional, Sequence

from spacy.language import Language
from spacy.tokens import Doc, DocBin

from ..documents.document import Document
from ..labelling.annotator import Annotator
from ..labelling.labelling import Labelling, read_labelling
from ..pipeline.annotate import SCORE
from .common_words import CommonWords
from .long_texts import Piece, cut_text, join_pieces
from .rows import ErrorKind, Row, clean, error_row, place_of, result_row
from .settings import BatchSettings

# Characters after which a batch ends: long texts take memory together.
BATCH_CHARACTERS = 200_000


class Part(NamedTuple):
    """A piece of the text of a row.

    row (int): Number of the row in its shard.
    piece (Piece): Which part of the text.
    text (str): The part.
    """

    row: int
    piece: Piece
    text: str


class ShardAnnotator:
    """Annotates shards. What spaCy learns from a batch is forgotten after it, so memory does not grow with new words.

    nlp (Language): The pipeline, whose error handler is replaced.
    settings (BatchSettings): The settings.
    """

    def __init__(self, nlp: Language, settings: BatchSettings) -> None:
        self.nlp = nlp
        self.settings = settings
        self.max_length = min(settings.max_length or nlp.max_length, nlp.max_length)
        self.batch_size = settings.batch_size or nlp.batch_size
        self._annotator = Annotator(nlp)
        self._words = CommonWords(nlp)

    def annotate(
        self, documents: Sequence[Document], given_up: Container[int] = (), note: Optional[Callable[[int], None]] = None
    ) -> tuple[list[Row], Optional[bytes]]:
        """Annotate the rows of a shard.

        documents (Sequence[Document]): The rows.
        given_up (Container[int]): Numbers of those that are not read, as workers died over them.
        note (Optional[Callable[[int], None]]): Called with the number of each row before it is read; rows are read one by one
            then.
        RETURNS (tuple[list[Row], Optional[bytes]]): A row for each row, with a result or an error; a DocBin, if Docs are kept.
        RAISES (EndpointError): If an endpoint fails on all texts.
        """
        errors = {n: error for n, document in enumerate(documents) if (error := self._refuse(document, n in given_up))}
        parts = [part for n, document in enumerate(documents) if n not in errors for part in self._cut(n, document.text)]
        found: dict[int, list[Labelling | str]] = {part.row: [] for part in parts}
        docs: dict[int, DocBin] = {}
        for batch in self._batches(parts, row_by_row=note is not None):
            if note is not None:
                note(batch[0].row)
            for part, one in zip(batch, self._annotate_batch(batch, documents, docs)):
                found[part.row].append(one)
        rows = [errors[n] if n in errors else self._join(document, found[n], docs, n) for n, document in enumerate(documents)]
        return rows, merge([docs[n] for n in sorted(docs)]) if self.settings.docs else None

    def _refuse(self, document: Document, given_up: bool) -> Optional[Row]:
        """Return the error of a row that is not read; None if it can be."""
        kind: ErrorKind = "no_text"
        length, reason = len(document.text), document.problem
        if not reason and not document.text.strip():
            reason = "the text is empty"
        elif not reason and length > self.max_length and self.settings.long == "error":
            kind, reason = "too_long", f"the text has {length:,} characters, allowed are {self.max_length:,}; take --long window"
        elif not reason and given_up:
            kind, reason = "worker_died", "workers died twice while they read it alone"
        return error_row(document, kind, reason) if reason else None

    def _cut(self, row: int, text: str) -> list[Part]:
        return [Part(row, piece, text[piece.start : piece.end]) for piece in cut_text(text, self.max_length)]

    def _batches(self, parts: Sequence[Part], row_by_row: bool) -> Iterator[list[Part]]:
        """Cut parts into batches; no batch has parts of two rows if rows are read one by one."""
        groups = (list(group) for _, group in groupby(parts, key=lambda part: part.row)) if row_by_row else [list(parts)]
        for group in groups:
            batch: list[Part] = []
            characters = 0
            for part in group:
                if batch and (len(batch) == self.batch_size or characters + len(part.text) > BATCH_CHARACTERS):
                    yield batch
                    batch, characters = [], 0
                batch.append(part)
                characters += len(part.text)
            if batch:
                yield batch

    def _annotate_batch(
        self, batch: Sequence[Part], documents: Sequence[Document], docs: dict[int, DocBin]
    ) -> list[Labelling | str]:
        """Annotate a batch. RETURNS (list[Labelling | str]): What was found in each part, or why it failed."""
        found: dict[int, Labelling | str] = {}
        self._words.learn(part.text for part in batch)
        with self.nlp.memory_zone():
            for number, doc in self._annotator.docs([part.text for part in batch]):
                if isinstance(doc, str):
                    found[number] = doc
                    continue
                found[number] = read_labelling(doc, self.nlp.pipe_names)
                row = batch[number].row
                if self.settings.docs and len(doc.text) == len(documents[row].text):
                    docs[row] = pack(doc, documents[row])
            del doc
        return [found[number] for number in range(len(batch))]

    def _join(self, document: Document, found: Sequence[Labelling | str], docs: dict[int, DocBin], row: int) -> Row:
        """Make the row of a text of which all pieces were read."""
        reason = next((one for one in found if isinstance(one, str)), "")
        if reason:
            docs.pop(row, None)
            return error_row(document, "failed", reason)
        whole = [one for one in found if isinstance(one, Labelling)]
        if len(whole) == 1:
            return result_row(document, whole[0], self.settings.offsets)
        entities = join_pieces(cut_text(document.text, self.max_length), [one.entities for one in whole])
        problems = [problem for one in whole for problem in one.problems]
        if any(one.intent is not None for one in whole):
            problems.append(f"the text was read in {len(whole)} windows, so it has no intent")
        joined = Labelling(entities, None, tuple(problems))
        if self.settings.docs:
            with self.nlp.memory_zone():
                doc = self.nlp.tokenizer(document.text)
                doc.ents = [ent for span, _ in entities if (ent := doc.char_span(*span, alignment_mode="expand")) is not None]
                docs[row] = pack(doc, document)
                del doc
        return result_row(document, joined, self.settings.offsets)


def pack(doc: Doc, document: Document) -> DocBin:
    """Pack a Doc with the scores of its entities and the place of its text: other user data may be anything."""
    scores = {key: value for key, value in doc.user_data.items() if key[:2] == ("._.", SCORE)}
    doc.user_data = {**scores, "row": {**place_of(document), **clean(document.columns)}}
    return DocBin(docs=[doc], store_user_data=True)


def merge(bins: Sequence[DocBin]) -> bytes:
    """Merge DocBins. RETURNS (bytes): One of all their Docs."""
    merged = DocBin(store_user_data=True)
    for one in bins:
        merged.merge(one)
    return merged.to_bytes()
