"""Files of results: JSON Lines, CSV, Parquet, DocBin and CoNLL."""

import csv
import io
import json
from pathlib import Path
from typing import Any, BinaryIO, Literal, Mapping, Protocol, Sequence, get_args

from spacy.tokens import DocBin
from spacy.vocab import Vocab

from ..errors import ReadError
from ..storage.journal import readable_line
from .arrow import import_arrow, result_schema
from .conll import conll_lines
from .rows import ColumnType, Row

OutputFormat = Literal["jsonl", "csv", "parquet", "docbin", "conll"]
SUFFIXES: dict[str, OutputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".spacy": "docbin",
    ".conll": "conll",
    ".iob2": "conll",
}
# Those that have tokens, and are made of Docs.
OF_DOCS: tuple[OutputFormat, ...] = ("docbin", "conll")


class Output(Protocol):
    """Writes results, shard by shard."""

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """Write the results of a shard.

        rows (Sequence[Row]): The results, without the errors.
        docs (bytes): DocBin of their Docs; empty if the format needs none.
        """
        ...

    def close(self) -> None:
        """Write what is left."""
        ...


class JsonLinesOutput:
    """An object a line."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, ColumnType]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """See `Output`."""
        self._file.writelines(map(readable_line, rows))

    def close(self) -> None:
        """See `Output`."""


class CsvOutput:
    """A table with a header. Entities, problems and values of several types are JSON; null is an empty cell."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, ColumnType]) -> None:
        self._columns = columns
        names = ["file", "number", "id", *columns, "text", "intent", "entities", "problems"]
        self._text = io.TextIOWrapper(file, encoding="utf8", newline="", write_through=True)
        self._writer = csv.DictWriter(self._text, names, extrasaction="ignore")
        self._writer.writeheader()

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """See `Output`."""
        for row in rows:
            cells: Row = {name: write_json(row[name]) for name in ("entities", "problems") if name in row}
            self._writer.writerow({**as_columns(row, self._columns), **cells})

    def close(self) -> None:
        """See `Output`."""
        self._text.detach()


class ParquetOutput:
    """A Parquet file, with a row group for each shard."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, ColumnType]) -> None:
        self._arrow = import_arrow()
        self._columns = columns
        self._schema = result_schema(columns)
        self._writer = self._arrow.parquet.ParquetWriter(file, self._schema)

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """See `Output`."""
        if rows:
            table = self._arrow.Table.from_pylist([as_columns(row, self._columns) for row in rows], schema=self._schema)
            self._writer.write_table(table)

    def close(self) -> None:
        """See `Output`."""
        self._writer.close()


class DocBinOutput:
    """A DocBin. `doc.user_data["row"]` says where a text comes from. All Docs are in memory when it is written."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, ColumnType]) -> None:
        self._file = file
        self._docs = DocBin(store_user_data=True)

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """See `Output`."""
        self._docs.merge(DocBin(store_user_data=True).from_bytes(docs))

    def close(self) -> None:
        """See `Output`."""
        self._file.write(self._docs.to_bytes())


class ConllOutput:
    """A word and its IOB2 tag a line, an empty line behind each text, and a comment before it that says where it comes from."""

    def __init__(self, file: BinaryIO, columns: Mapping[str, ColumnType]) -> None:
        self._file = file

    def write(self, rows: Sequence[Row], docs: bytes) -> None:
        """See `Output`."""
        for doc in DocBin().from_bytes(docs).get_docs(Vocab()):
            self._file.writelines(conll_lines(doc))

    def close(self) -> None:
        """See `Output`."""


OUTPUTS: dict[OutputFormat, type[Any]] = {
    "jsonl": JsonLinesOutput,
    "csv": CsvOutput,
    "parquet": ParquetOutput,
    "docbin": DocBinOutput,
    "conll": ConllOutput,
}


def as_columns(row: Row, columns: Mapping[str, ColumnType]) -> Row:
    """Return a row whose kept values have the types of their columns."""
    return {**row, **{name: write_json(row[name]) for name, type in columns.items() if type == "json" and row[name] is not None}}


def write_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def format_of(output: Path) -> OutputFormat:
    """Tell the format of an output by its suffix.

    RAISES (ReadError): If the suffix says nothing.
    """
    known = SUFFIXES.get(output.suffix.lower())
    if known is None:
        raise ReadError(
            f"Cannot tell the format of {output} by its suffix. Known are {', '.join(SUFFIXES)}. "
            f"Name it: --output-format {', '.join(get_args(OutputFormat))}."
        )
    return known


def open_output(format: OutputFormat, file: BinaryIO, columns: Mapping[str, ColumnType]) -> Output:
    """Begin an output.

    columns (Mapping[str, ColumnType]): The columns that are kept, with their types.
    """
    output: Output = OUTPUTS[format](file, columns)
    return output
