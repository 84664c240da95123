import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_slm_ner.synthesis.response_parsing import PLACEHOLDER, parse_answer

ONE = {"text": "Come on Friday", "labels": [{"word": "Friday", "label": "B-DATE"}], "intent": "inquiry"}
TWO = {"text": "No [brackets] {here}", "labels": [], "intent": "cancel"}
BOTH = json.dumps({"records": [ONE, TWO]})


@pytest.mark.parametrize(
    "answer",
    [
        BOTH,
        json.dumps([ONE, TWO]),
        f"{json.dumps(ONE)}\n{json.dumps(TWO)}",
        f"```json\n{BOTH}\n```",
        f"Sure [as asked], {{here}} they are: {BOTH} Anything else?",
        json.dumps({"result": {"x": 1}, "data": [ONE, TWO]}),
    ],
    ids=["document", "list", "lines", "fence", "talk", "other-name"],
)
def test_records_are_found_whatever_is_around_them(answer: str) -> None:
    assert parse_answer(answer).records == [ONE, TWO]


def test_of_an_answer_that_was_cut_off_only_whole_records_are_taken() -> None:
    for end in range(len(BOTH)):
        whole = [record for record in (ONE, TWO) if json.dumps(record) in BOTH[:end]]
        assert parse_answer(BOTH[:end]).records == whole


def test_what_stands_in_the_place_of_records_is_not_lost() -> None:
    assert parse_answer('{"records": [{"sentence": "x"}, 3, null]}').records == [{"sentence": "x"}, 3, None]


@pytest.mark.parametrize("answer", ["", "I cannot help with that.", "{}", "[]", "[[[", '{"records": []}', "{" * 2000])
def test_nothing_is_found_where_nothing_is(answer: str) -> None:
    assert parse_answer(answer).records == []


@given(st.text())
def test_any_text_is_read(answer: str) -> None:
    assert isinstance(parse_answer(answer).records, list)


# The example of the prompt, such as "..." or "<text>", is no record.
TEXT = st.text().filter(lambda text: not PLACEHOLDER.fullmatch(text))


@given(st.lists(st.fixed_dictionaries({"text": TEXT, "labels": st.just([])}), max_size=4), st.text(alphabet="abc .,!"))
def test_any_records_are_read_back(records: list[Any], around: str) -> None:
    assert parse_answer(around + json.dumps({"records": records}) + around).records == records
