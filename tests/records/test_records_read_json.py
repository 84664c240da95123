import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.errors import ReadError
from spacy_slm_ner.records.read_json import read_payloads
from spacy_slm_ner.user_files import read_text

A, B, C = ({"text": f"text {name}", "labels": []} for name in "ABC")
LINES = [json.dumps(record) for record in (A, B, C)]


@pytest.fixture
def read(tmp_path):
    def _read(content):
        path = tmp_path / "records.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf8"))
        return list(read_payloads(path))

    return _read


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(json.dumps({"system_prompt": "", "model": "", "dataset": [A, B, C]}), id="document"),
        pytest.param(json.dumps({"dataset": [A, B, C]}, indent=2), id="indented document"),
        pytest.param(json.dumps([A, B, C]), id="list"),
        pytest.param("\n".join(LINES), id="lines"),
        pytest.param("\r\n".join(LINES) + "\r\n", id="lines, CRLF"),
        pytest.param("\ufeff" + "\n".join(LINES), id="lines, byte order mark"),
        pytest.param("\ufeff" + json.dumps([A, B, C]), id="list, byte order mark"),
    ],
)
def test_every_form_of_a_record_file_is_read(read, content):
    assert read(content) == [(1, A), (2, B), (3, C)]


@pytest.mark.parametrize("content", [LINES[0], LINES[0] + "\n", json.dumps(A, indent=2)], ids=["line", "newline", "indented"])
def test_a_file_may_be_one_record(read, content):
    assert read(content) == [(1, A)]


@pytest.mark.parametrize("content", ["", "\n\n", '{"dataset": []}', "[]"], ids=["empty", "blank", "document", "list"])
def test_a_file_may_hold_no_record(read, content):
    assert read(content) == []


def test_records_of_json_lines_are_numbered_by_line(read):
    assert read(f"\n{LINES[0]}\n \n{LINES[1]}\n") == [(2, A), (4, B)]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_a_line_ends_at_a_line_feed_only(read, separator):
    record = {"text": f"one{separator}two", "labels": []}
    line = json.dumps(record, ensure_ascii=False)
    assert read(f"{line}\n{line}") == [(1, record), (2, record)]


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers()).map(lambda record: {"text": "", **record}), min_size=2))
def test_json_lines_give_back_what_was_written(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("lines") / "records.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf8", newline="")
    assert [record for _, record in read_payloads(path)] == records


@pytest.mark.parametrize(
    ("lines", "broken"),
    [
        pytest.param(['{"text": "cut', LINES[1], LINES[2]], 1, id="first"),
        pytest.param([LINES[0], '{"text": "a" "labels": []}', LINES[2]], 2, id="middle"),
        pytest.param([LINES[0], LINES[1], '{"text": "cut o'], 3, id="cut off at the end"),
        pytest.param(["Here are the records:", LINES[1], LINES[2]], 1, id="prose in front"),
        pytest.param(["```json", LINES[1], LINES[2]], 1, id="fence in front"),
        pytest.param([LINES[0], LINES[1], "```"], 3, id="fence behind"),
    ],
)
def test_a_broken_line_is_the_only_one_that_gives_an_error(read, lines, broken):
    payloads = dict(read("\n".join(lines)))
    assert isinstance(payloads.pop(broken), json.JSONDecodeError)
    assert list(payloads.values()) == [record for i, record in enumerate((A, B, C), 1) if i != broken]


def test_a_broken_document_is_refused_and_the_place_named(read):
    content = json.dumps({"dataset": [A, B]}, indent=1).replace('"labels": []', '"labels" []', 1)
    with pytest.raises(ReadError, match=r"records.json is not valid JSON: Expecting ':' delimiter in line 5, column 13"):
        read(content)


@pytest.mark.parametrize(
    "content",
    ["5", '"text"', "null", "{}", '{"dataset": {}}', '{"dataset": "a"}', '{"data": []}'],
)
def test_json_without_a_list_of_records_is_refused(read, content):
    with pytest.raises(ReadError, match=r"records.json holds JSON without a list of records. Allowed are \{\"dataset\""):
        read(content)


def test_a_file_that_is_not_utf8_is_refused(read):
    with pytest.raises(ReadError, match=r"records.json is not UTF-8: .* at byte 10. Save it as UTF-8"):
        read('{"text": "é"}'.encode("latin1"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ReadError, match=r"Cannot read .*absent.json: No such file or directory. Name an existing file"):
        read_text(tmp_path / "absent.json")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ReadError, match=r"Cannot read .*: Is a directory"):
        read_text(tmp_path)


def test_a_broken_list_is_refused(read):
    with pytest.raises(ReadError, match="not valid JSON"):
        read(f"[\n{LINES[0]},\n{LINES[1]},\n{LINES[2]}\n")


def test_a_text_file_is_refused(read):
    with pytest.raises(ReadError):
        read("See Ann on Friday.\nSee Bob on Monday.\n")


def test_two_broken_lines_in_front_cost_themselves_alone(read):
    assert [record for _, record in read("\n".join(['{"text": "a', '{"text": "b', *LINES]))][2:] == [A, B, C]


def test_a_line_that_is_nested_too_deep_costs_itself_alone(read):
    assert read("\n".join([*LINES, "[" * 100_000]))[:3] == [(1, A), (2, B), (3, C)]
