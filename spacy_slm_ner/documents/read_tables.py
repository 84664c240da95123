"""Tables: CSV and Parquet, with the texts in one of their columns."""

import csv
import io
import sys
from typing import BinaryIO, Iterator, Sequence

from ..errors import ReadError
from .document import Document, InputSettings, from_row

# Name of what a row has beyond its header.
BEYOND = "beyond the header"


def read_csv(file: BinaryIO, name: str, settings: InputSettings, dialect: str = "excel") -> Iterator[Document]:
    """Read the rows of a CSV file with a header. Line breaks may stand in quoted cells.

    RAISES (ReadError): If it has no such column.
    """
    csv.field_size_limit(sys.maxsize)
    lines = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.DictReader(lines, dialect=dialect, restkey=BEYOND)
    check_column(reader.fieldnames or (), name, settings)
    number = 0
    while True:
        number += 1
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Document(name, number, None, "", {}, f"not CSV: {error}")
            continue
        yield from_row(name, number, row, settings)
    # Who opened the file closes it.
    lines.detach()


def read_tsv(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read the rows of a file whose cells are separated by tabs."""
    return read_csv(file, name, settings, "excel-tab")


def read_parquet(file: BinaryIO, name: str, settings: InputSettings) -> Iterator[Document]:
    """Read the rows of a Parquet file, a batch at a time.

    RAISES (ReadError): If pyarrow is not installed, the file is no Parquet file, or it has no such column.
    """
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise ReadError(f"{name} is a Parquet file, which pyarrow reads. Install it: pip install pyarrow.") from None
    try:
        table = ParquetFile(file)
    except (ArrowInvalid, OSError) as error:
        raise ReadError(f"{name} is not a Parquet file: {error}") from None
    check_column(table.schema_arrow.names, name, settings)
    number = 0
    for batch in table.iter_batches(batch_size=1024):
        for row in batch.to_pylist():
            number += 1
            yield from_row(name, number, row, settings)


def check_column(columns: Sequence[str], name: str, settings: InputSettings) -> None:
    """RAISES (ReadError): If a column that is named is not there."""
    for wanted in filter(None, (settings.text_column, settings.id_column)):
        if wanted not in columns:
            raise ReadError(f"{name} has no column {wanted!r}, but {', '.join(map(repr, columns)) or 'none'}. Name one of them.")
