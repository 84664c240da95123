"""A job: each row once, whatever interrupts it, and nothing of another input, model or setting."""

import json
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from filelock import FileLock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import DocBin, Span

from spacy_slm_ner.documents.document import Document
from spacy_slm_ner.errors import ReadError

TEXTS = ["Ada Quill met Bo.", "", "Nobody came.", "😀 Zoë is a clerk\u2028here.", "a\r\nBo\tb", "x" * 50, "Bo"]
Work = Callable[..., Any]


def test_each_row_is_a_result_or_an_error(work: Work, make_documents: Callable, lines: Callable) -> None:
    documents = make_documents(TEXTS)
    documents[2] = documents[2]._replace(text="", problem="byte 0xff is not UTF-8, at position 0")
    manifest = work(documents, keep=("n", "missing"), long="error", max_length=40)
    results, errors = lines("out.jsonl"), lines("out.jsonl.errors.jsonl")
    assert [row["number"] for row in results] == [1, 4, 5, 7]
    assert [(row["number"], row["error"]) for row in errors] == [(2, "no_text"), (3, "no_text"), (6, "too_long")]
    assert results[0] == {
        "file": "in.jsonl",
        "number": 1,
        "id": "id1",
        "n": 1,
        "missing": None,
        "text": TEXTS[0],
        "entities": [
            {"start": 0, "end": 9, "label": "NAME", "text": "Ada Quill", "score": None},
            {"start": 14, "end": 16, "label": "NAME", "text": "Bo", "score": None},
        ],
    }
    assert errors[1]["reason"] == "byte 0xff is not UTF-8, at position 0"
    assert errors[2]["reason"] == "the text has 50 characters, allowed are 40; take --long window"
    counts = {name: manifest[name] for name in ("complete", "shards", "rows", "annotated", "errors")}
    assert counts == {"complete": True, "shards": 4, "rows": 7, "annotated": 4, "errors": {"no_text": 2, "too_long": 1}}


@pytest.mark.parametrize("output", ["out.jsonl", "out.csv", "out.parquet", "out.spacy", "out.conll"])
def test_a_job_that_is_interrupted_anywhere_writes_the_same(
    output: str, work: Work, make_documents: Callable, tmp_path: Path
) -> None:
    if output == "out.parquet":
        pytest.importorskip("pyarrow")
    documents = make_documents(TEXTS)
    work(documents, f"whole_{output}", keep=("n",))
    for shards in range(3):
        with pytest.raises(KeyboardInterrupt):
            work(documents, output, breaks=min(shards, 1), keep=("n",))
        assert not (tmp_path / output).exists()
    work(documents, output, keep=("n",))
    assert (tmp_path / output).read_bytes() == (tmp_path / f"whole_{output}").read_bytes()
    left = {path.name.removeprefix(output) for path in tmp_path.glob(f"*{output}*") if not path.name.startswith("whole")}
    assert left == {"", ".errors.jsonl", ".manifest.json", ".lock"}


def test_a_job_that_is_complete_is_not_done_again(work: Work, make_documents: Callable) -> None:
    first = work(make_documents(TEXTS))
    assert work(make_documents(TEXTS), breaks=0) == first
    with pytest.raises(ReadError, match="is complete, and of another input"):
        work(make_documents([*TEXTS, "one more"]))


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        pytest.param(["Ada!", *TEXTS[1:]], "between row 1 of in.jsonl and row 2 of in.jsonl", id="changed"),
        pytest.param(TEXTS[1:], "between row 1 of in.jsonl", id="removed-at-the-beginning"),
        pytest.param(TEXTS[:2], "rows at its end are gone", id="removed-at-the-end"),
    ],
)
def test_changed_input_is_refused(texts: list[str], message: str, work: Work, make_documents: Callable) -> None:
    with pytest.raises(KeyboardInterrupt):
        work(make_documents(TEXTS), breaks=2)
    with pytest.raises(ReadError, match=message):
        work(make_documents(texts))


def test_another_model_or_setting_is_refused(work: Work, make_documents: Callable) -> None:
    documents = make_documents(TEXTS)
    with pytest.raises(KeyboardInterrupt):
        work(documents, breaks=0)
    # Nothing is lost yet.
    with pytest.raises(KeyboardInterrupt):
        work(documents, breaks=1, offsets="byte")
    with pytest.raises(ReadError, match="offsets was 'byte', is 'utf16'"):
        work(documents, offsets="utf16")
    with pytest.raises(ReadError, match="the model was '1', is '2'"):
        work(documents, offsets="byte", digest="2")


def test_what_others_wrote_stays(work: Work, make_documents: Callable, tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("mine")
    with pytest.raises(ReadError, match="no batch job wrote it"):
        work(make_documents(TEXTS))
    assert (tmp_path / "out.jsonl").read_text() == "mine"


def test_one_process_at_a_time(work: Work, make_documents: Callable, tmp_path: Path) -> None:
    with FileLock(tmp_path / "out.jsonl.lock"), pytest.raises(ReadError, match="Another process writes"):
        work(make_documents(TEXTS))


def test_a_file_that_is_named_twice_is_refused(work: Work, make_documents: Callable) -> None:
    with pytest.raises(ReadError, match=r"Got the file in\.jsonl twice"):
        work([*make_documents(TEXTS), *make_documents(TEXTS)])


def test_no_texts_give_an_empty_output(work: Work, lines: Callable) -> None:
    assert work([])["rows"] == 0
    assert lines("out.jsonl") == lines("out.jsonl.errors.jsonl") == []


def test_offsets_count_what_is_wanted(work: Work, make_documents: Callable, lines: Callable) -> None:
    for offsets, expected in (("codepoint", (2, 7)), ("utf16", (2, 8)), ("byte", (3, 12))):
        work(make_documents(["é😀 Zoë", "é 😀 Zoë"]), f"{offsets}.jsonl", offsets=offsets)
        row = lines(f"{offsets}.jsonl")[1]
        assert (row["entities"][0]["start"], row["entities"][0]["end"]) == expected
        assert row.get("offsets", "codepoint") == offsets


def test_tables_have_the_same_types_whatever_stands_first(work: Work, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    columns: list[dict[str, Any]] = [
        {"a": None, "b": 1, "c": float("nan"), "d": "x", "e": True},
        {"a": None, "b": 2.5, "c": 2**70, "d": 1, "e": None},
        {"a": None, "b": None, "c": [1, {"ü": "\udcff"}], "d": None, "e": False},
    ]
    documents = [Document("in", n, None, text, row) for n, (text, row) in enumerate(zip(["none", "Bo", "Bo"], columns), 1)]
    work(documents, "out.parquet", keep=("a", "b", "c", "d", "e"))
    table = parquet.read_table(tmp_path / "out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types["entities"] == "list<element: struct<start: int32, end: int32, label: string, text: string, score: double>>"
    assert [types[name] for name in "abcde"] == ["string", "double", "string", "string", "bool"]
    rows = table.to_pylist()
    assert [row["b"] for row in rows] == [1.0, 2.5, None]
    assert [row["c"] for row in rows] == [None, str(2**70), '[1, {"ü": "�"}]']
    assert [len(row["entities"]) for row in rows] == [0, 1, 1]


def test_docs_keep_where_they_come_from(work: Work, make_documents: Callable, tmp_path: Path) -> None:
    work(make_documents(TEXTS), "out.spacy", keep=("n",))
    docs = list(DocBin().from_disk(tmp_path / "out.spacy").get_docs(spacy.blank("en").vocab))
    assert [doc.text for doc in docs] == [text for text in TEXTS if text]
    assert docs[0].user_data["row"] == {"file": "in.jsonl", "number": 1, "id": "id1", "n": 1}
    assert [(ent.text, ent.label_) for ent in docs[2].ents] == [("😀 Zoë", "NAME"), ("clerk", "JOB TITLE")]


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.text(max_size=4) | st.sampled_from(["Bo", " ", "\n", "😀 Zoë"])).map("".join), max_size=8))
def test_any_text_is_there_once(work: Work, make_documents: Callable, lines: Callable, tmp_path: Path, texts: list[str]) -> None:
    for path in tmp_path.glob("any.jsonl*"):
        path.unlink()
    work(make_documents(texts), "any.jsonl")
    rows = [*lines("any.jsonl"), *lines("any.jsonl.errors.jsonl")]
    assert sorted(row["number"] for row in rows) == list(range(1, len(texts) + 1))
    assert all(row["text"] == texts[row["number"] - 1] for row in rows if "text" in row)
    assert all(row["text"][one["start"] : one["end"]] == one["text"] for row in rows for one in row.get("entities", []))


def test_the_manifest_says_what_was_done(work: Work, make_documents: Callable, tmp_path: Path) -> None:
    returned = work(make_documents(TEXTS))
    written = json.loads((tmp_path / "out.jsonl.manifest.json").read_text())
    assert written == returned
    assert set(written["versions"]) == {"spacy-slm-ner", "spacy", "python"}
    assert not Span.has_extension("never_set")
