"""Reading of answers that are a JSON list of strings, item by item, so that a damaged one costs itself alone."""

import re

from ..answers.lenient_strings import CLOSING_QUOTES, NotReadable, read_string
from .answer_problems import describe, describe_surroundings, skip_thought
from .entity_locator import AnswerContent, NamedEntity

# The bracket of a list: an item or its end follows, or the answer was cut off.
LIST_START = re.compile(rf"\[(?=\s*(?:[\]{''.join(CLOSING_QUOTES)}]|\Z))")
BETWEEN = re.compile(r"[\s,;]*")
# What says which one of the places with the text before it is meant.
OCCURRENCE = re.compile(r"[1-9][0-9]{0,8}(?=\s*[,\]])")
ITEM_END = re.compile(r"[,\]\n]|\Z")


def read_string_list(answer: str, label: str) -> AnswerContent:
    """Read a list of strings, whatever is around it. Text before the end of a thought is no part of the answer.

    answer (str): Any answer.
    label (str): Label of all its entities.
    """
    content = AnswerContent([], [], [])
    opening = LIST_START.search(answer, skip_thought(answer))
    if opening is None:
        content.problems.append(describe("no answer", answer.strip()))
        return content
    position = skip(BETWEEN, answer, opening.end())
    while position < len(answer) and answer[position] != "]":
        position = skip(BETWEEN, answer, read_item(answer, position, label, content))
    if position == len(answer) and not any(one.startswith("cut off") for one in content.problems):
        content.problems.append(describe("cut off", answer[opening.start() :][-40:]))
    content.problems.extend(describe_surroundings(answer[: opening.start()], answer[position + 1 :]))
    return content


def skip(pattern: re.Pattern[str], answer: str, position: int) -> int:
    """Return the position behind a pattern that may match nothing."""
    match = pattern.match(answer, position)
    return match.end() if match else position


def read_item(answer: str, start: int, label: str, content: AnswerContent) -> int:
    """Read one item, and add its entity or its problem. RETURNS (int): The position after it."""
    if answer[start] in CLOSING_QUOTES:
        try:
            text, end = read_string(answer, start)
        except NotReadable:
            content.problems.append(describe("cut off", answer[start:]))
            return len(answer)
        content.entities.append(NamedEntity(text, label, None, start, end))
        return end
    number = OCCURRENCE.match(answer, start)
    if number and content.entities and content.entities[-1].occurrence is None:
        content.entities[-1] = content.entities[-1]._replace(occurrence=int(number[0]), end=number.end())
        return number.end()
    following = ITEM_END.search(answer, start + 1)
    end = following.start() if following else len(answer)
    content.problems.append(describe("malformed", answer[start:end].strip(), "an item is a string"))
    return end
