"""The records in an answer, whatever is around them."""

import json
from typing import Any, Iterator

DECODER = json.JSONDecoder()


def read_answer(text: str) -> list[Any]:
    """All complete records of an answer.

    A JSON document `{"records": [...]}`, a list, one record, JSON Lines, any of them inside other text or a code fence. Of an
    answer that was cut off, the records before the cut: half a record could lack labels without anybody noticing, so it is left.

    text (str): The answer.
    RETURNS (list[Any]): What stands in the place of records, unchecked; empty if nothing does.
    """
    return [record for value in values(text) for record in records_in(value)]


def values(text: str) -> Iterator[Any]:
    """Outermost JSON objects and lists of a text; of one that does not end, those inside of it."""
    position = 0
    while position < len(text):
        starts = [place for place in (text.find("{", position), text.find("[", position)) if place >= 0]
        if not starts:
            return
        try:
            value, position = DECODER.raw_decode(text, min(starts))
            yield value
        except (json.JSONDecodeError, RecursionError):
            position = min(starts) + 1


def records_in(value: Any) -> Iterator[Any]:
    """Records of a JSON value: what stands in a list "records", whatever it is, and objects with a text."""
    if isinstance(value, dict) and isinstance(value.get("records"), list):
        yield from value["records"]
    elif isinstance(value, dict) and "text" in value:
        yield value
    elif isinstance(value, dict):
        lists = [part for part in value.values() if isinstance(part, list)]
        yield from (record for part in lists for one in part for record in records_in(one))
    elif isinstance(value, list):
        yield from (record for one in value for record in records_in(one))
