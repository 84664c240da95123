"""JSON as models write it: what needs no guess is read, everything else is lost with an entry."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from spacy_slm_ner.answers.lenient_json import NotReadable, read_value
from spacy_slm_ner.synthesis.response_parsing import parse_answer

ONE = {"text": "Come on Friday", "labels": [{"word": "Friday", "label": "B-DATE", "occurrence": None}], "intent": "inquiry"}
TWO = {"text": "No lunch then", "labels": [], "intent": "cancel"}
BOTH = json.dumps({"records": [ONE, TWO]})


@pytest.mark.parametrize(
    "answer",
    [
        BOTH.replace("}]}", "},]}").replace('"cancel"}', '"cancel",},'),
        repr({"records": [ONE, TWO]}),
        BOTH.replace('"records"', "records").replace('"text"', "text").replace('"word"', "word"),
        BOTH.replace("null", "None"),
        BOTH.replace("null", "NaN"),
        BOTH.replace("null", "undefined"),
        BOTH.replace('"text"', "“text”").replace('"Come on Friday"', "“Come on Friday”"),
        BOTH.replace('{"text": "No', '// the second\n{"text": "No').replace('"labels"', '/* which */ "labels"'),
        BOTH.replace("}, {", "} {"),
        BOTH.replace('", "labels"', '" "labels"'),
        BOTH.replace('", "', '"， "').replace('": "', '"： "'),
        BOTH.removesuffix("]}"),
        BOTH.removesuffix("}"),
        BOTH.replace("{", "{{").replace("}", "}}"),
        BOTH.replace('{"records": ', '{"records": ```json\n').replace("]}", "]\n```}"),
        "\ufeff" + BOTH,
        json.dumps(BOTH),
        json.dumps(BOTH)[1:-1],
        json.dumps({"result": {"records": [ONE, TWO]}}),
        json.dumps({"first": ONE, "second": TWO}),
        json.dumps({"records": ONE}) + json.dumps({"records": TWO}),
    ],
    ids=[
        *("trailing-comma", "python", "bare-keys", "none", "nan", "undefined", "smart-quotes", "comments", "no-comma"),
        *(
            "no-comma-between-members",
            "full-width",
            "no-end",
            "no-last-brace",
            "doubled-braces",
            "inner-fence",
            "bom",
            "string",
            "escaped",
        ),
        *("nested", "named", "single"),
    ],
)
def test_what_is_no_guess_is_read(answer: str) -> None:
    reading = parse_answer(answer)
    assert reading.records == [ONE, TWO]
    assert reading.lost == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"a\nb\tc"', "a\nb\tc"),
        ("'it's 4 o\\'clock'", "it's 4 o'clock"),
        ("“It’s “", None),
        ("„Hallo“", "Hallo"),
        ('"C:\\dir \\_ \\u00e4 \\ud83d\\ude00"', "C:\\dir _ ä 😀"),
        ('"say "hi" now"', None),
        ("'the boys' table'", None),
        ("Friday", None),
        ("1e999", None),
        ("+1", 1),
        ("-.5", -0.5),
    ],
)
def test_values(written: str, meant: Any) -> None:
    text = f'{{"text": {written}, }}'
    if meant is None and written != "1e999":
        with pytest.raises(NotReadable):
            read_value(text, 0)
    else:
        assert read_value(text, 0) == ({"text": meant}, len(text))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('{"text": "He said "hi" to me", "labels": []}', "allowed is ',' or '}'"),
        ('{"text": "a", "labels": [{"word": "a", "label": "B-X"}, "intent": "x"}', "allowed is"),
        ('{"text": "a", "labels": [], "text": "b", "labels": [], "intent": "x"}', "two values of 'text'"),
        ('{"text": "a", "labels": , "intent": "x"}', "allowed is a value"),
        ('{"labels": [{"word": "a", "label": "B-X"}, ...], "text": "a"}', "allowed is a value"),
        ('{"text": "a", "labels": []', "allowed is"),
    ],
    ids=["inner-quotes", "no-bracket", "two-in-one", "no-value", "elision", "no-brace"],
)
def test_a_broken_record_costs_itself_only_and_has_an_entry(broken: str, reason: str) -> None:
    whole = json.dumps(ONE), json.dumps(TWO)
    reading = parse_answer(f'{{"records": [{whole[0]}, {broken}, {whole[1]}]}}')
    assert reading.records == [ONE, TWO]
    assert [lost.text for lost in reading.lost] == [broken]
    assert reason in reading.lost[0].reason


def test_records_behind_a_broken_one_are_found_whatever_they_begin_with() -> None:
    broken = '{"id": 1, "text": "He said "hi" to me", "labels": []}'
    whole = {"id": 2, **TWO}
    reading = parse_answer(f'In the form {{word: label}}: {{"records": [{broken}, {json.dumps(whole)}]}}')
    assert reading.records == [whole]
    assert [lost.text for lost in reading.lost] == ["{word: label}:", broken]


def test_a_record_that_is_cut_off_has_an_entry() -> None:
    for end in range(BOTH.index('{"text": "No') + 3, len(BOTH) - 3):
        reading = parse_answer(BOTH[:end])
        assert reading.records == [ONE]
        assert [lost.text for lost in reading.lost] == [BOTH[:end][BOTH.index('{"text": "No') :].rstrip(" ,")]


def test_what_stands_beside_records_and_is_none_has_an_entry() -> None:
    assert parse_answer(json.dumps([ONE, {"txt": "x"}])).records == [ONE, {"txt": "x"}]
    reading = parse_answer(f'{json.dumps(ONE)}\n{{"txt": "x"}}')
    assert (reading.records, [lost.text for lost in reading.lost]) == ([ONE], ['{"txt": "x"}'])


@pytest.mark.parametrize("answer", ["{" * 5000, '{"a":' * 2000, "[" * 2000, '{"text": "x' * 500, "'" * 5000], ids=len)
def test_endless_repetition_ends_soon(answer: str) -> None:
    assert parse_answer(answer).records == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@given(st.dictionaries(st.text(), JSON, min_size=1, max_size=4))
@example({"": -1000000000000000001})
def test_strict_json_means_what_it_means(value: dict[str, Any]) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        assert read_value(text, 0) == (value, len(text))
        assert read_value(text[:-1] + ",}", 0) == (value, len(text) + 1)
