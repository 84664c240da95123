"""Reading of answers that are a list of calls, call by call, so that a damaged one costs itself alone. Nothing is evaluated."""

import ast
import re
from typing import Mapping, Optional

from .answer_problems import FENCE, describe, describe_surroundings, skip_thought
from .entity_locator import AnswerContent, NamedEntity

# A string on one line, as it is written in Python without a prefix.
STRING = r"(?:\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
VALUE = rf"(?:(?:{STRING}\s*)+|[+-]?\d{{1,9}}(?![\w.])\s*|None\b\s*)"
ARGUMENT = rf"(?:[^\W\d]\w*\s*=\s*)?{VALUE}"
CALL = re.compile(rf"(?<![^\s()\[\]{{}},;:='\"`])[^\s()\[\]{{}},;:='\"`]+\(\s*(?:{ARGUMENT}(?:,\s*{ARGUMENT})*(?:,\s*)?)?\)")
INTENT = re.compile(rf"^[ \t]*intent[ \t]*[=:][ \t]*(?P<intent>{STRING}|[^\n]*)(?:\n|$)", re.MULTILINE)
LIST = re.compile(r"(?:\bresult\s*=\s*)?\[")
# An escape that Python does not know; its backslash stays.
UNKNOWN_ESCAPE = re.compile(r"\\(?:(?P<known>[\\'\"abfnrtvxNuU])|)", re.DOTALL)
# What ends a call that cannot be read.
CALL_END = re.compile(r"\)\s*,|\n")


def read_calls(answer: str, labels: Mapping[str, str]) -> AnswerContent:
    """Read a list of calls, whatever is around it. Text before the end of a thought is no part of the answer.

    answer (str): Any answer.
    labels (Mapping[str, str]): Labels by the names of their classes.
    """
    content = AnswerContent([], [], [])
    start = skip_thought(answer)
    intent = INTENT.search(answer, start)
    if intent:
        content.intents.append(read_string(intent["intent"].strip()))
        answer = blank(answer, intent)
    calls = list(CALL.finditer(answer, start))
    for call in calls:
        read_call(call, labels, content)
        answer = blank(answer, call, "\0")
    if calls or LIST.search(answer, start):
        describe_rest(answer, start, content)
    else:
        content.problems.append(describe("no answer", answer.strip()))
    return content


def blank(text: str, match: re.Match[str], filling: str = " ") -> str:
    """Fill the range of a match, so that all other characters keep their places."""
    return text[: match.start()] + filling * (match.end() - match.start()) + text[match.end() :]


def describe_rest(rest: str, start: int, content: AnswerContent) -> None:
    """Add the problems of all that is not a call.

    rest (str): The answer, with zeros in place of calls.
    start (int): Character at which the list or a call may begin.
    content (AnswerContent): Gets the problems.
    """
    opening = LIST.search(rest, start)
    if opening is None:
        begin, end = rest.index("\0"), rest.rindex("\0") + 1
        describe_between(rest[begin:end], "bare", content)
    else:
        begin, closing = opening.start(), rest.rfind("]", opening.end())
        end = len(rest) if closing < 0 else closing + 1
        describe_between(rest[opening.end() : end], "cut off" if closing < 0 else "complete", content)
    content.problems.extend(describe_surroundings(rest[:begin].replace("\0", ""), rest[end:].replace("\0", "")))


def describe_between(between: str, state: str, content: AnswerContent) -> None:
    """Add the problems of what stands between calls.

    between (str): The list behind its opening bracket, with zeros in place of calls.
    state (str): "complete", "cut off", or "bare" for calls without a list.
    content (AnswerContent): Gets the problems.
    """
    parts = [part.strip(" \t\r,;()[]") for gap in re.split("\0+", FENCE.sub("", between)) for part in CALL_END.split(gap)]
    last = parts.pop() if state == "cut off" else ""
    content.problems.extend(describe("malformed", part) for part in parts if part)
    if state == "cut off":
        content.problems.append(describe("cut off", last))
    elif state == "bare":
        content.problems.append(describe("malformed", "", "calls without a list"))


def read_call(call: re.Match[str], labels: Mapping[str, str], content: AnswerContent) -> None:
    """Read one call, and add its entity or its problem."""
    try:
        node = ast.parse(UNKNOWN_ESCAPE.sub(escape_backslash, call[0]), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        node = None
    arguments = read_arguments(node) if isinstance(node, ast.Call) else None
    if arguments is None or not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        content.problems.append(describe("malformed", call[0]))
        return
    text, occurrence = arguments.get("span"), arguments.get("occurrence")
    if not isinstance(text, str):
        content.problems.append(describe("malformed", call[0], "no span"))
        return
    if occurrence is not None and (not isinstance(occurrence, int) or occurrence < 1):
        content.problems.append(describe("no such occurrence", text, f"number {occurrence!r:.20}"))
        occurrence = None
    label = labels.get(node.func.id) or fold_names(labels).get(node.func.id.casefold(), node.func.id)
    content.entities.append(NamedEntity(text, label, occurrence, call.start(), call.end()))


def read_arguments(node: ast.Call) -> Optional[dict[str, object]]:
    """Read the arguments of a call by name; None if one is no constant, or has no name or two values."""
    positional = list(zip(("span", "occurrence"), node.args))
    named = [(str(keyword.arg), keyword.value) for keyword in node.keywords]
    values: dict[str, object] = {name: value.value for name, value in positional + named if isinstance(value, ast.Constant)}
    return values if len(values) == len(node.args) + len(named) else None


def fold_names(labels: Mapping[str, str]) -> dict[str, str]:
    """Map case-folded names to labels."""
    return {name.casefold(): label for name, label in labels.items()}


def escape_backslash(match: re.Match[str]) -> str:
    return match[0] if match["known"] else "\\\\"


def read_string(literal: str) -> str:
    """Read a string literal; text without quotes stays as it is."""
    if not re.fullmatch(STRING, literal, re.DOTALL):
        return literal
    try:
        return str(ast.literal_eval(UNKNOWN_ESCAPE.sub(escape_backslash, literal)))
    except (SyntaxError, ValueError):
        return literal
