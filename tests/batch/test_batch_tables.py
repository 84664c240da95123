"""Annotation inside the jobs of others."""

import shutil
import sys
from typing import Any, Iterator

import pytest

from spacy_slm_ner.batch.tables import SPARK_COLUMNS, TableAnnotator, map_in_pandas
from spacy_slm_ner.errors import ReadError

TEXTS = ["Nobody.", "Bo is a clerk.", None, "", "😀 Zoë"]
ERRORS = [None, None, "no_text: 'text' is empty", "no_text: the text is empty", None]
FOUND = [[], [("Bo", 0, 2), ("clerk", 8, 13)], None, None, [("😀 Zoë", 0, 5)]]


def shorten(found: Any) -> list[Any]:
    return [None if row is None else [(one["text"], one["start"], one["end"]) for one in row] for row in found]


@pytest.mark.parametrize("cut", [slice(0, 1), slice(0, 5), slice(2, 4)], ids=["no-entity", "all", "no-text"])
def test_tables_get_one_type(cut: slice, ruler: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = TableAnnotator(ruler)(arrow.table({"text": arrow.array(TEXTS[cut], arrow.string()), "other": TEXTS[cut]}))
    assert str(table.schema.field("entities").type) == (
        "list<item: struct<start: int32, end: int32, label: string, text: string, score: double>>"
    )
    assert table.column_names == ["text", "other", "entities", "error"]
    assert table.column("error").to_pylist() == ERRORS[cut]
    assert shorten(table.column("entities").to_pylist()) == FOUND[cut]


def test_a_pipeline_that_is_not_there(ruler: str) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(ReadError, match="Cannot find the pipeline"):
        map_in_pandas(f"{ruler}-none")


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Spark in local mode."""
    sql = pytest.importorskip("pyspark.sql")
    pytest.importorskip("pandas")
    if shutil.which("java") is None:
        pytest.skip("needs Java")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    session = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    yield session
    session.stop()


@pytest.mark.filterwarnings("ignore")
def test_spark_gives_the_same(spark: Any, ruler: str) -> None:
    frame = spark.createDataFrame(list(enumerate(TEXTS)), "id long, text string").repartition(2)
    found = frame.mapInPandas(map_in_pandas(ruler), f"id long, text string, {SPARK_COLUMNS}").orderBy("id").collect()
    assert [row["error"] for row in found] == ERRORS
    assert shorten([row["entities"] for row in found]) == FOUND
