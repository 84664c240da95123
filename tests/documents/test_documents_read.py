"""Raw texts from files of any kind: each row, line or entry gives one document, readable or with a problem."""

import bz2
import gzip
import io
import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_slm_ner.documents.document import Document, InputSettings
from spacy_slm_ner.documents.read import read_documents
from spacy_slm_ner.errors import ReadError

HALF = "half a character (a lone surrogate), at position 0"
BYTE = "byte 0xff is not UTF-8, at position 0"
TEXTS = ["Ada meets Bo.", "", "a\u2028b", "naïve 😀 e\u0301", "شكرا", 'say "x", y', "tab\tand\r\nline"]


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(found: Any) -> list[tuple[int, str, str]]:
    return [(one.number, one.text, one.problem) for one in found]


def write_csv(path: Path, rows: list[str]) -> None:
    cells = ['"' + row.replace('"', '""') + '"' for row in rows]
    path.write_bytes(("id,text\n" + "".join(f"{i},{cell}\n" for i, cell in enumerate(cells, 1))).encode())


def write_parquet(path: Path, rows: list[str]) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.table({"id": list(map(str, range(1, len(rows) + 1))), "text": rows}), path)


WRITERS: dict[str, Callable[[Path, list[str]], None]] = {
    "jsonl": lambda path, rows: path.write_text(
        "".join(json.dumps({"id": i, "text": row}) + "\n" for i, row in enumerate(rows, 1))
    ),
    "json": lambda path, rows: path.write_text(json.dumps([{"id": i, "text": row} for i, row in enumerate(rows, 1)])),
    "csv": write_csv,
    "parquet": write_parquet,
}  # type: ignore[dict-item]


@pytest.mark.parametrize("kind", WRITERS)
def test_texts_of_any_kind_come_as_they_are(kind: str, tmp_path: Path) -> None:
    WRITERS[kind](tmp_path / f"in.{kind}", TEXTS)
    found = list(read_documents([tmp_path / f"in.{kind}"]))
    assert [(one.id, one.text, one.problem) for one in found] == [(str(i), text, "") for i, text in enumerate(TEXTS, 1)]
    assert {one.file for one in found} == {str(tmp_path / f"in.{kind}")}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r")), max_size=5))
def test_any_texts_survive_csv(rows: list[str]) -> None:
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path(".")
    path = folder / "spacy-slm-ner-test.csv"
    write_csv(path, rows)
    assert [one.text for one in read_documents([path])] == rows
    path.unlink()


def test_a_text_file_is_one_text_or_one_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "in.txt", b"\xef\xbb\xbfone\r\n\ntwo\xe2\x80\xa8three")
    assert texts(read_documents([path])) == [(1, "one\r\n\ntwo\u2028three", "")]
    lines = read_documents([path], InputSettings("lines"))
    assert texts(lines) == [(1, "one", ""), (2, "", ""), (3, "two\u2028three", "")]


def test_the_texts_of_a_docbin_are_read(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    DocBin(docs=[nlp.make_doc("Ada meets"), nlp.make_doc("")]).to_disk(tmp_path / "in.spacy")
    assert texts(read_documents([tmp_path / "in.spacy"])) == [(1, "Ada meets", ""), (2, "", "")]
    with pytest.raises(ReadError, match="is not a DocBin"):
        list(read_documents([write(tmp_path / "no.spacy", "no")]))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        pytest.param("in.jsonl", '{"text": null}\n', [(1, "", "'text' is empty")], id="null"),
        pytest.param("in.jsonl", '{"text": NaN}\n', [(1, "", "'text' is empty")], id="nan"),
        pytest.param("in.jsonl", '{"text": 5}\n', [(1, "", "'text' is 5, allowed is a text")], id="number"),
        pytest.param("in.jsonl", '{"body": "a"}\n', [(1, "", "got no 'text', but 'body'")], id="no-field"),
        pytest.param("in.jsonl", '"a"\n\n"b"', [(1, "a", ""), (3, "b", "")], id="texts-alone"),
        pytest.param("in.jsonl", '\ufeff{"text": "a"}', [(1, "a", "")], id="byte-order-mark"),
        pytest.param("in.jsonl", '{"text": "\\ud800"}', [(1, "", HALF)], id="half"),
        pytest.param("in.jsonl", b'{"text": "\xff"}', [(1, "", "byte 0xff is not UTF-8, at position 10")], id="bytes"),
        pytest.param("in.json", '{"model": "me", "records": [{"text": "a"}]}', [(1, "a", "")], id="records"),
        pytest.param("in.json", '["a", null]', [(1, "a", ""), (2, "", "'text' is empty")], id="list-of-texts"),
        pytest.param("in.csv", "text,x\na,1\n,2\nb\n", [(1, "a", ""), (2, "", ""), (3, "b", "")], id="empty-cell"),
        pytest.param("in.csv", "x,text\n1,a\n2\n", [(1, "a", ""), (2, "", "'text' is empty")], id="short-row"),
        pytest.param("in.csv", "text\na,b\n", [(1, "a", "")], id="long-row"),
        pytest.param("in.csv", b"text\nok\n\xff\n", [(1, "ok", ""), (2, "", BYTE)], id="latin-1"),
        pytest.param("in.csv", "text\n", [], id="no-row"),
        pytest.param("in.tsv", 'text\tx\n"a\nb"\t1\n', [(1, "a\nb", "")], id="tabs"),
        pytest.param("in.jsonl", "", [], id="empty-file"),
        pytest.param("in.txt", "", [(1, "", "")], id="empty-text"),
        pytest.param("in.txt", b"a\xff", [(1, "", "byte 0xff is not UTF-8, at position 1")], id="text-in-another-encoding"),
    ],
)
def test_what_is_no_text_is_a_problem(name: str, content: str | bytes, found: list[Any], tmp_path: Path) -> None:
    assert texts(read_documents([write(tmp_path / name, content)])) == found


def test_a_line_that_is_no_json_costs_itself_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", '{"text": "a"}\n{"text": \n{"text": "b"}\n')
    assert [(one.text, one.problem.partition(":")[0]) for one in read_documents([path])] == [
        ("a", ""),
        ("", "not JSON"),
        ("b", ""),
    ]


def test_other_columns_are_kept_and_may_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "key,body,day\n7,Hi,Monday\n")
    [found] = read_documents([path], InputSettings(text_column="body", id_column="key"))
    assert found == Document(str(path), 1, "7", "Hi", {"key": "7", "day": "Monday"}, "")
    with pytest.raises(ReadError, match="has no column 'text', but 'key', 'body', 'day'"):
        list(read_documents([path]))
    with pytest.raises(ReadError, match="has no column 'name', but"):
        list(read_documents([path], InputSettings(text_column="body", id_column="name")))


def test_folders_and_patterns_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.txt", "d.bin", ".hidden.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, name)
    assert [one.text for one in read_documents([tmp_path])] == ["a.txt", "b.txt", "sub/c.txt"]
    assert [one.text for one in read_documents([f"{tmp_path}/*.txt"])] == ["a.txt", "b.txt"]
    with pytest.raises(ReadError, match="is no file, folder or pattern"):
        list(read_documents([tmp_path / "absent.txt"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReadError, match="holds no files of texts"):
        list(read_documents([tmp_path / "empty"]))


def test_what_a_suffix_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "in.bin", "one\ntwo\n")
    with pytest.raises(ReadError, match=r"its suffix is none of \.txt, .* Say what it is, with --format: text, lines, "):
        list(read_documents([path]))
    assert [one.text for one in read_documents([path], InputSettings("lines"))] == ["one", "two"]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl.gz", gzip.compress(b'{"text": "a"}\n'))
    write(tmp_path / "b.csv.bz2", bz2.compress(b"text\nb\n"))
    assert [one.text for one in read_documents([tmp_path])] == ["a", "b"]


def test_standard_input_holds_a_text_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo")))
    assert texts(read_documents(["-"])) == [(1, "one", ""), (2, "two", "")]


def test_files_that_hold_something_else_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"is not JSON: .* name it \.jsonl"):
        list(read_documents([write(tmp_path / "a.json", '{"text": 1}\n{"text": 2}')]))
    with pytest.raises(ReadError, match="holds no list of texts"):
        list(read_documents([write(tmp_path / "b.json", '{"text": "a"}')]))
    pytest.importorskip("pyarrow")
    with pytest.raises(ReadError, match="is not a Parquet file"):
        list(read_documents([write(tmp_path / "c.parquet", "no")]))


def test_a_large_row_is_read(tmp_path: Path) -> None:
    text = "word " * 2_000_000
    path = write(tmp_path / "in.csv", f'text\n"{text}"\nnext\n')
    assert [len(one.text) for one in read_documents([path])] == [len(text), 4]


def test_duplicate_ids_are_kept_apart_by_their_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", "id,text\n1,a\n1,b\n")
    assert [(one.id, one.number) for one in read_documents([path])] == [("1", 1), ("1", 2)]


@pytest.mark.parametrize(
    "content", [gzip.compress(b"a\nb\n" * 1000)[:-9], b"not compressed", b""], ids=["cut-off", "plain", "empty"]
)
def test_a_compressed_file_that_is_damaged_is_an_error(content: bytes, tmp_path: Path) -> None:
    path = write(tmp_path / "in.txt.gz", content)
    if not content:
        assert texts(read_documents([path], InputSettings("lines"))) == []
        return
    with pytest.raises(ReadError, match=r"in\.txt\.gz cannot be read to its end"):
        list(read_documents([path], InputSettings("lines")))


def test_an_id_that_is_not_a_number_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", '{"id": NaN, "text": "a"}\n')
    assert [one.id for one in read_documents([path])] == [None]
