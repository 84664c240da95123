"""Parsing of the records in an answer, whatever text is around them.

Only the final answer counts (`final_answer`), and JSON is read as `lenient_json` says. Then:

- If an answer is cut off or damaged, only its complete records count: half a record could silently lack labels. Each record that
  cannot be read is reported as lost, with its text and the reason.
- If an answer has several lists of records, a complete list replaces the lists before it. It is complete if it has no fewer
  records than they, and either as many as were asked for, or the text before it announces a correction ("Final answer:").
- The example of the prompt, with "..." for a text, is no record.
"""

import json
import re
from typing import Any, Iterator, NamedTuple, Optional, Union

from ..answers.final_answer import final_answer
from ..answers.lenient_json import NotReadable, read_value

# Texts of the prompt's example, or of a form to fill in.
PLACEHOLDER = re.compile(r"\s*(?:\.{3,}|…|<[^<>]+>|string)\s*")
WHOLE = "answer|list|version|json|output|records?|response|result|document|set"
CORRECTION = re.compile(
    rf"\b(?:final|correct(?:ed)?|revised|fixed|improved|updated|rewritten|cleaned)\s+(?:json\s+)?(?:{WHOLE})\b"
    r"|\b(?:answer|correction|corrected|revised|final)\W*:",
    re.IGNORECASE,
)
OPENING_BRACKET = re.compile(r"[{\[]")
QUOTE = "[\"'“”„‘’«»]"
# The first key of an object, and the first character of its value.
MEMBER = re.compile(rf"\{{\s*(?:\{{\s*)?{QUOTE}?(?P<key>\w+){QUOTE}?\s*:\s*(?P<first>.?)", re.DOTALL)
RECORD_KEYS = ("text", "labels", "intent")
BARELY_BEGUN = re.compile(r"\{[^{}\[\]:]*\Z")


class LostFragment(NamedTuple):
    """A piece of an answer that should be a record, but cannot be used.

    text (str): The text of the answer.
    reason (str): Why, in one sentence.
    """

    text: str
    reason: str


class ParsedRecords(NamedTuple):
    """Records of an answer.

    records (list[Any]): The records, unchecked.
    lost (list[LostFragment]): The fragments that cannot be used.
    """

    records: list[Any]
    lost: list[LostFragment]


class Value(NamedTuple):
    """A JSON value of an answer.

    value (Any): The value.
    start (int): First character.
    end (int): Position after the last character.
    """

    value: Any
    start: int
    end: int


def parse_answer(text: str, asked: Optional[int] = None) -> ParsedRecords:
    """Parse the records of an answer, and the fragments that cannot be used; see this module.

    An answer is a JSON document `{"records": [...]}`, a list, one record, or JSON Lines, also inside other text or a code fence.

    text (str): The answer.
    asked (Optional[int]): How many records it should hold; None if that is not known.
    RETURNS (ParsedRecords): Records, unchecked, and lost fragments.
    """
    said = unescaped(final_answer(text))
    lists: list[list[Any]] = []
    lost: list[LostFragment] = []
    position = 0
    for found in outermost_values(said):
        if isinstance(found, LostFragment):
            lost.append(found)
            continue
        records = list(records_in(found.value))
        lists, replaced = supersede(lists, records, said[position : found.start], asked)
        lost += replaced
        if not records and is_useless(found.value):
            lost.append(LostFragment(said[found.start : found.end], "JSON without a text"))
        position = found.end
    examples = [record for records in lists for record in records if is_placeholder(record)]
    lost += [
        LostFragment(json.dumps(record, ensure_ascii=False), "the example of the prompt, not a record") for record in examples
    ]
    return ParsedRecords([record for records in lists for record in records if not is_placeholder(record)], lost)


def unescaped(text: str) -> str:
    """Decode JSON that was written as a JSON string, with or without its quotes; return any other text as it is."""
    stripped = text.strip()
    if not re.match(r'"?\s*[{\[]\s*(?:\{\s*)?\\"', stripped):
        return text
    try:
        read = json.loads(stripped if stripped.startswith('"') else f'"{stripped}"', strict=False)
    except ValueError:
        return text
    return read if isinstance(read, str) else text


def outermost_values(text: str) -> Iterator[Union[Value, LostFragment]]:
    """Yield the outermost JSON objects and lists of a text; for one that cannot be read as a whole, those inside it."""
    position, broken = 0, False
    while found := OPENING_BRACKET.search(text, position):
        start = found.start()
        try:
            value, position = read_value(text, start)
            yield Value(value, start, position)
        except NotReadable as error:
            position = start + 1
            if is_lost(text, start, broken):
                position = next_object(text, start)
                yield LostFragment(text[start:position].rstrip(" \n,"), f"a record that cannot be read: {error.reason}")
            else:
                broken = True


def next_object(text: str, start: int) -> int:
    """Return the position of the next record or document after a broken one, or of an object with the same first key."""
    member = MEMBER.match(text, start)
    key = re.escape(member["key"]) if member else "text"
    following = re.compile(rf"\{{\s*{QUOTE}?(?:{'|'.join(RECORD_KEYS)}|records|{key}){QUOTE}?\s*:").search(text, start + 1)
    return following.start() if following else len(text)


def is_lost(text: str, start: int, broken: bool) -> bool:
    """Whether an object that cannot be read is a record, and neither a container of records nor other text.

    broken (bool): Whether something before it or around it cannot be read.
    """
    member = MEMBER.match(text, start)
    if member is None:
        return broken and BARELY_BEGUN.match(text, start) is not None and len(text[start:].strip()) > 1
    return member["key"] in RECORD_KEYS or member["first"] not in ("{", "[", "")


def records_in(value: Any) -> Iterator[Any]:
    """Yield the records of a JSON value: objects with a text, and all members of a list "records" or of a list with a record."""
    if isinstance(value, dict) and isinstance(value.get("records"), list):
        yield from value["records"]
    elif isinstance(value, dict) and "text" in value:
        yield value
    elif isinstance(value, dict):
        yield from (record for member in value.values() for record in records_in(member))
    elif isinstance(value, list) and any(isinstance(member, dict) and "text" in member for member in value):
        yield from value
    elif isinstance(value, list):
        yield from (record for member in value for record in records_in(member))


def is_useless(value: Any) -> bool:
    """Whether a JSON value is an object without a list of records."""
    return isinstance(value, dict) and bool(value) and not isinstance(value.get("records"), list)


def supersede(
    lists: list[list[Any]], records: list[Any], before: str, asked: Optional[int]
) -> tuple[list[list[Any]], list[LostFragment]]:
    """Add a list of records to the lists before it, or replace them.

    lists (list[list[Any]]): The lists before it.
    records (list[Any]): The list.
    before (str): Text between it and the last one.
    asked (Optional[int]): Number of records that were asked for; None if that is not known.
    RETURNS (tuple[list[list[Any]], list[LostFragment]]): The lists that count, and the records that no longer do.
    """
    earlier = [record for records_before in lists for record in records_before]
    enough = (asked is not None and len(records) >= asked) or CORRECTION.search(before) is not None
    if not earlier or not records or len(records) < len(earlier) or not enough:
        return [*lists, records], []
    reason = "a draft: a later list of the same answer takes its place"
    return [records], [
        LostFragment(json.dumps(record, ensure_ascii=False), reason) for record in earlier if record not in records
    ]


def is_placeholder(record: Any) -> bool:
    """Whether a record is the example of the prompt."""
    text = record.get("text") if isinstance(record, dict) else None
    return isinstance(text, str) and PLACEHOLDER.fullmatch(text) is not None
