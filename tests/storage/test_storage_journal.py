from pathlib import Path

import pytest

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.storage.journal import Journal, append_lines, write_lines

ENTRY = {"text": "日本 \ud83d \u2028 x", "number": 1}


def reopened(path: Path) -> Journal:
    journal = Journal(path)
    journal.close()
    return journal


def test_two_processes_do_not_write_one_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "out.journal.jsonl")
    with pytest.raises(ReadError, match="Another process writes"):
        Journal(tmp_path / "out.journal.jsonl")
    journal.close()


@pytest.mark.parametrize(
    ("end", "entries"),
    [
        pytest.param(b"", 2, id="whole"),
        pytest.param(b'{"text": "half', 2, id="half-a-line"),
        pytest.param(b'{"text": "whole"}', 3, id="a-line-without-its-end"),
    ],
)
def test_the_end_that_a_killed_process_leaves_is_mended(tmp_path: Path, end: bytes, entries: int) -> None:
    path = tmp_path / "new" / "out.journal.jsonl"
    journal = Journal(path)
    journal.append([ENTRY, ENTRY])
    journal.close()
    path.write_bytes(path.read_bytes() + end)
    assert reopened(path).entries[:2] == [ENTRY, ENTRY]
    assert len(reopened(path).entries) == entries
    assert path.read_bytes().endswith(b"\n")


def test_a_damaged_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.journal.jsonl"
    path.write_bytes(b'{"number": 1}\n{"number": \n{"number": 3}\n')
    journal = reopened(path)
    assert [entry["number"] for entry in journal.entries] == [1, 3]
    assert [line.number for line in journal.damaged] == [2]


def test_files_of_lines_are_replaced_and_added_to(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    write_lines(path, [{"number": 1}])
    append_lines(path, [{"text": "日本"}])
    append_lines(path, [])
    assert path.read_text(encoding="utf8") == '{"number": 1}\n{"text": "日本"}\n'
    write_lines(path, [])
    assert path.read_bytes() == b""
