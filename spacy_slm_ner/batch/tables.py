"""Annotation inside the jobs of others: tables of Arrow for Ray Data, frames of pandas for Spark."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, Sequence

from ..alignment.offsets import Offsets
from ..documents.document import InputSettings, from_row
from .annotate_shard import load_annotator
from .arrow import entity_type, import_arrow
from .model_digest import digest_model
from .settings import BatchSettings, Long, WorkerSpec

if TYPE_CHECKING:
    from pandas import DataFrame

# Columns that are added, as Spark writes their types.
SPARK_COLUMNS = "entities array<struct<start:int,end:int,label:string,text:string,score:double>>, error string"


class TableAnnotator:
    """Adds the columns `entities` and `error` to tables; one of them is null in each row.

    As the callable of Ray Data, it loads the pipeline once in each actor:

        dataset.map_batches(TableAnnotator, fn_constructor_args=["training/tok2vec/model-best"], batch_format="pyarrow",
                            concurrency=2)

    model (str): Folder or package name of the pipeline.
    text_column (str): Column of the texts.
    long (Long): What becomes of a text that is too long.
    max_length (Optional[int]): Most characters of a text that is read at once; None for the pipeline's.
    offsets (Offsets): What offsets count.
    batch_size (Optional[int]): Texts that the pipeline reads at a time; None for its own.
    gpu_id (int): Number of the GPU, -1 for the CPU.
    RAISES (SlmNerError): If the pipeline cannot be found, or pyarrow is not installed.
    """

    def __init__(
        self,
        model: str,
        text_column: str = "text",
        long: Long = "window",
        max_length: Optional[int] = None,
        offsets: Offsets = "codepoint",
        batch_size: Optional[int] = None,
        gpu_id: int = -1,
    ) -> None:
        import_arrow()
        settings = BatchSettings(batch_size=batch_size, long=long, max_length=max_length, offsets=offsets)
        self.spec = WorkerSpec(model, digest_model(model), Path(), settings, gpu_id)
        self.reading = InputSettings(text_column=text_column)

    def annotate(self, texts: Sequence[Any]) -> tuple[list[Optional[list[dict[str, Any]]]], list[Optional[str]]]:
        """Annotate values of a column.

        RETURNS (tuple[list[Optional[list[dict[str, Any]]]], list[Optional[str]]]): Entities and error of each, one of them None.
        """
        name = self.reading.text_column
        documents = [from_row("", number, {name: text}, self.reading) for number, text in enumerate(texts, 1)]
        rows, _ = load_annotator(self.spec).annotate(documents)
        errors = [f"{row['error']}: {row['reason']}" if "error" in row else None for row in rows]
        return [row.get("entities") for row in rows], errors

    def __call__(self, table: Any) -> Any:
        """Return a table of Arrow with two more columns."""
        arrow = import_arrow()
        entities, errors = self.annotate(table.column(self.reading.text_column).to_pylist())
        return table.append_column("entities", arrow.array(entities, entity_type())).append_column(
            "error", arrow.array(errors, arrow.string())
        )

    def frames(self, frames: Iterator["DataFrame"]) -> Iterator["DataFrame"]:
        """Add two columns to frames of pandas."""
        for frame in frames:
            entities, errors = self.annotate(frame[self.reading.text_column].tolist())
            yield frame.assign(entities=entities, error=errors)


def map_in_pandas(model: str, **settings: Any) -> Callable[[Iterator["DataFrame"]], Iterator["DataFrame"]]:
    """Make the function for `mapInPandas` of Spark, which loads the pipeline once in each worker of Python.

        schema = "id long, text string, " + SPARK_COLUMNS
        frame.mapInPandas(map_in_pandas("training/tok2vec/model-best"), schema)

    model (str): Folder or package name of the pipeline, which all machines have.
    settings: Those of `TableAnnotator`.
    RAISES (SlmNerError): If the pipeline cannot be found, or pyarrow is not installed.
    """
    return TableAnnotator(model, **settings).frames
