"""The records in an answer, whatever is around them, and what was lost of it.

Only the final answer counts (`final_answer`), and JSON is read as `lenient_json` says. Then:

- Of an answer that is cut off or damaged, the whole records: half a record could lack labels without anybody noticing. Each
  record that cannot be read is lost with its text and the reason.
- Where an answer holds several lists of records, a list that is whole takes the place of the ones in front of it: it has no fewer
  records than they, and as many as were asked for, or what stands in front of it announces a correction ("Final answer:").
- The example of the prompt, with "..." for a text, is no record.
"""

import json
import re
from typing import Any, Iterator, NamedTuple, Optional, Union

from .final_answer import final_answer
from .lenient_json import NotReadable, read_value

# What a text of the prompt's example, or of a form to fill in, consists of.
PLACEHOLDER = re.compile(r"\s*(?:\.{3,}|…|<[^<>]+>|string)\s*")
WHOLE = "answer|list|version|json|output|records?|response|result|document|set"
CORRECTION = re.compile(
    rf"\b(?:final|correct(?:ed)?|revised|fixed|improved|updated|rewritten|cleaned)\s+(?:json\s+)?(?:{WHOLE})\b"
    r"|\b(?:answer|correction|corrected|revised|final)\W*:",
    re.IGNORECASE,
)
START = re.compile(r"[{\[]")
QUOTE = "[\"'“”„‘’«»]"
# An object that begins with a key, and the first character of its value.
MEMBER = re.compile(rf"\{{\s*(?:\{{\s*)?{QUOTE}?(?P<key>\w+){QUOTE}?\s*:\s*(?P<first>.?)", re.DOTALL)
OF_RECORDS = ("text", "labels", "intent")
BARELY_BEGUN = re.compile(r"\{[^{}\[\]:]*\Z")


class LostFragment(NamedTuple):
    """What could not be taken for a record.

    text (str): As it stands in the answer.
    reason (str): Why, in one sentence.
    """

    text: str
    reason: str


class ParsedAnswer(NamedTuple):
    """What an answer holds.

    records (list[Any]): What stands in the place of records, unchecked.
    lost (list[LostFragment]): What could not be taken.
    """

    records: list[Any]
    lost: list[LostFragment]


class Value(NamedTuple):
    """A JSON value of an answer.

    value (Any): The value.
    start (int), end (int): Where it stands.
    """

    value: Any
    start: int
    end: int


def parse_answer(text: str, asked: Optional[int] = None) -> list[Any]:
    """All complete records of an answer.

    A JSON document `{"records": [...]}`, a list, one record, JSON Lines, any of them inside other text or a code fence.

    text (str): The answer.
    asked (Optional[int]): How many records it should hold; None if that is not known.
    RETURNS (list[Any]): What stands in the place of records, unchecked; empty if nothing does.
    """
    return parse_whole_answer(text, asked).records


def parse_whole_answer(text: str, asked: Optional[int] = None) -> ParsedAnswer:
    """The records of an answer, and what was lost of it; see this module.

    text (str): The answer.
    asked (Optional[int]): How many records it should hold; None if that is not known.
    """
    said = unescaped(final_answer(text))
    lists: list[list[Any]] = []
    lost: list[LostFragment] = []
    position = 0
    for part in outermost_values(said):
        if isinstance(part, LostFragment):
            lost.append(part)
            continue
        records = list(records_in(part.value))
        lists, replaced = supersede(lists, records, said[position : part.start], asked)
        lost += replaced
        if not records and is_of_no_use(part.value):
            lost.append(LostFragment(said[part.start : part.end], "JSON without a text"))
        position = part.end
    examples = [record for records in lists for record in records if is_placeholder(record)]
    lost += [
        LostFragment(json.dumps(record, ensure_ascii=False), "the example of the prompt, not a record") for record in examples
    ]
    return ParsedAnswer([record for records in lists for record in records if not is_placeholder(record)], lost)


def unescaped(text: str) -> str:
    """JSON that was written as a JSON string, with or without its quotes, as it was meant."""
    stripped = text.strip()
    if not re.match(r'"?\s*[{\[]\s*(?:\{\s*)?\\"', stripped):
        return text
    try:
        read = json.loads(stripped if stripped.startswith('"') else f'"{stripped}"', strict=False)
    except ValueError:
        return text
    return read if isinstance(read, str) else text


def outermost_values(text: str) -> Iterator[Union[Value, LostFragment]]:
    """Outermost JSON objects and lists of a text; of one that cannot be read as a whole, those inside of it."""
    position, broken = 0, False
    while found := START.search(text, position):
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
    """Where the next record or document begins behind a broken one, or an object that begins like it; else the end."""
    member = MEMBER.match(text, start)
    key = re.escape(member["key"]) if member else "text"
    following = re.compile(rf"\{{\s*{QUOTE}?(?:{'|'.join(OF_RECORDS)}|records|{key}){QUOTE}?\s*:").search(text, start + 1)
    return following.start() if following else len(text)


def is_lost(text: str, start: int, broken: bool) -> bool:
    """Whether an object that cannot be read is a record, and not what records stand in, or no JSON at all.

    broken (bool): Whether it stands in or behind something that cannot be read.
    """
    member = MEMBER.match(text, start)
    if member is None:
        return broken and BARELY_BEGUN.match(text, start) is not None and len(text[start:].strip()) > 1
    return member["key"] in OF_RECORDS or member["first"] not in ("{", "[", "")


def records_in(value: Any) -> Iterator[Any]:
    """Records of a JSON value: what stands in a list "records" or beside a record, whatever it is, and objects with a text."""
    if isinstance(value, dict) and isinstance(value.get("records"), list):
        yield from value["records"]
    elif isinstance(value, dict) and "text" in value:
        yield value
    elif isinstance(value, dict):
        yield from (record for part in value.values() for record in records_in(part))
    elif isinstance(value, list) and any(isinstance(one, dict) and "text" in one for one in value):
        yield from value
    elif isinstance(value, list):
        yield from (record for one in value for record in records_in(one))


def is_of_no_use(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and not isinstance(value.get("records"), list)


def supersede(
    lists: list[list[Any]], records: list[Any], before: str, asked: Optional[int]
) -> tuple[list[list[Any]], list[LostFragment]]:
    """Add a list of records to the ones in front of it, or put it in their place.

    before (str): What stands between it and the last one.
    RETURNS (tuple[list[list[Any]], list[LostFragment]]): The lists that count, and the records that do no longer.
    """
    earlier = [record for one in lists for record in one]
    enough = (asked is not None and len(records) >= asked) or CORRECTION.search(before) is not None
    if not earlier or not records or len(records) < len(earlier) or not enough:
        return [*lists, records], []
    reason = "a draft: a later list of the same answer takes its place"
    return [records], [
        LostFragment(json.dumps(record, ensure_ascii=False), reason) for record in earlier if record not in records
    ]


def is_placeholder(record: Any) -> bool:
    text = record.get("text") if isinstance(record, dict) else None
    return isinstance(text, str) and PLACEHOLDER.fullmatch(text) is not None
