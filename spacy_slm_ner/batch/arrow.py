"""Arrow types of results, the same whatever the first texts hold."""

from typing import Any, Mapping

from ..errors import MissingExtraError
from .rows import ColumnType


def import_arrow() -> Any:
    """Import pyarrow with its module for Parquet.

    RAISES (MissingExtraError): If it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(f"This needs pyarrow ({error}). Install it: pip install 'spacy-slm-ner[parquet]'.") from None
    return pyarrow


def entity_type() -> Any:
    """Return the type of the entities of a text: `list<struct<start, end, label, text, score>>`."""
    arrow = import_arrow()
    fields = {
        "start": arrow.int32(),
        "end": arrow.int32(),
        "label": arrow.string(),
        "text": arrow.string(),
        "score": arrow.float64(),
    }
    return arrow.list_(arrow.struct(list(fields.items())))


def result_schema(columns: Mapping[str, ColumnType]) -> Any:
    """Return the schema of a table of results.

    columns (Mapping[str, ColumnType]): The columns that are kept, with their types.
    """
    arrow = import_arrow()
    types = {"bool": arrow.bool_(), "int": arrow.int64(), "float": arrow.float64()}
    return arrow.schema(
        [
            ("file", arrow.string()),
            ("number", arrow.int64()),
            ("id", arrow.string()),
            *((name, types.get(type, arrow.string())) for name, type in columns.items()),
            ("text", arrow.string()),
            ("intent", arrow.string()),
            ("entities", entity_type()),
            ("problems", arrow.list_(arrow.string())),
        ]
    )
