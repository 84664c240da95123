"""A run of `label`: batch by batch, until all texts have an outcome or something stops it."""

from itertools import islice
from typing import Callable, Iterable, Iterator, Literal, NamedTuple, Sequence

from .files import LabelFiles
from .labeller import Labeller
from .silver import Outcome, RecordWriter, problem_row
from .texts import Text, explain_unusable

End = Literal["done", "cost", "stalled", "key", "credit", "request", "content", "down"]
# Texts that are labelled at a time.
BATCH = 64
# Texts in a row whose answers held nothing usable after which a run ends.
MAX_FRUITLESS = 20


class Ending(NamedTuple):
    """How a run ended.

    end (End): Why.
    reason (str): Message of the endpoint, or the last problem; empty if all is done.
    """

    end: End
    reason: str = ""


class LabelRun:
    """A run.

    files (LabelFiles): Its files, which know what is done.
    labeller (Labeller): Labels the texts.
    writer (RecordWriter): Writes their records.
    watch (Callable[[LabelFiles], None]): Called after each batch.
    """

    def __init__(
        self,
        files: LabelFiles,
        labeller: Labeller,
        writer: RecordWriter,
        watch: Callable[[LabelFiles], None] = lambda files: None,
    ) -> None:
        self.files = files
        self.labeller = labeller
        self.writer = writer
        self.watch = watch
        self._fruitless = 0

    def label(self, texts: Iterable[Text]) -> Ending:
        """Label all texts that have no outcome yet."""
        for batch in batches(text for text in texts if text[0] not in self.files.done):
            ending = self._label_batch(batch)
            self.watch(self.files)
            if ending.end != "done":
                return ending
        return Ending("done")

    def _label_batch(self, batch: Sequence[Text]) -> Ending:
        reasons = {key: explain_unusable(document, self.writer.nlp) for key, document in batch}
        usable = [text for text in batch if not reasons[text[0]]]
        found, error = self.labeller.label([document.text for _, document in usable])
        outcomes = {key: self.writer.write(document, found[n]) for n, (key, document) in enumerate(usable) if n in found}
        last = self._count_fruitless(list(outcomes.values()))
        outcomes |= {key: Outcome(None, problem_row(document, [reasons[key]])) for key, document in batch if reasons[key]}
        self.files.store({key: outcomes[key] for key, _ in batch if key in outcomes})
        if error is not None:
            return Ending(error.kind, str(error))  # type: ignore[arg-type]
        return Ending("stalled", last) if self._fruitless >= MAX_FRUITLESS else Ending("done")

    def _count_fruitless(self, outcomes: Sequence[Outcome]) -> str:
        """Count texts in a row without anything usable.

        RETURNS (str): The last problem; empty if there is none.
        """
        last = ""
        for _, row in outcomes:
            is_fruitless = row is not None and not row.get("record", {}).get("labels")
            self._fruitless = self._fruitless + 1 if is_fruitless else 0
            last = row["problems"][0] if row is not None else last
        return last


def batches(texts: Iterable[Text]) -> Iterator[list[Text]]:
    """Cut a stream of texts into batches."""
    stream = iter(texts)
    while batch := list(islice(stream, BATCH)):
        yield batch
