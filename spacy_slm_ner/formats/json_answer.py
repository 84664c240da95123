"""Reading of JSON answers, object by object, so that a damaged one costs itself alone."""

import re
from typing import Any, Optional

from ..answers.lenient_json import read_value
from ..answers.lenient_strings import CLOSING_QUOTES, NotReadable, read_string
from .answer_problems import describe, describe_surroundings, skip_thought
from .entity_locator import AnswerContent, NamedEntity

BRACKET = re.compile(r"[{\[]")
BRACKET_OR_QUOTE = re.compile(f"[{{\\[{''.join(CLOSING_QUOTES)}]")
QUOTE = "[\"'“”„‘’]?"
# The beginning of an entity, and of what holds entities.
ENTITY = re.compile(rf"\{{\s*{QUOTE}(?:text|label|occurrence){QUOTE}\s*:")
CONTAINER = re.compile(rf"\[|\{{\s*{QUOTE}(?:entities|intent){QUOTE}\s*:")
INTENT = re.compile(rf"{QUOTE}\bintent{QUOTE}\s*:\s*(?=[\"'“„])")


class JsonReader:
    """Reads the objects of an answer, whatever is around them. Text before the end of a thought is no part of the answer.

    answer (str): Any answer.
    """

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.content = AnswerContent([], [], [])
        # Range of the answer itself.
        self._start: Optional[int] = None
        self._end = 0
        self._broken: Optional[NotReadable] = None

    def read(self) -> AnswerContent:
        """Read the whole answer."""
        position = skip_thought(self.answer)
        while (start := self._find_bracket(position)) is not None:
            try:
                value, end = read_value(self.answer, start)
            except NotReadable as error:
                position = self._skip_broken(start, error)
                continue
            self._mark(start, end)
            if is_entity(value):
                self._read_entity(value, start, end)
                position = end
            else:
                position = start + 1 if self._read_container(value, start, end) else end
        self._find_lost_intent()
        self._describe_whole()
        return self.content

    def _find_bracket(self, position: int) -> Optional[int]:
        """Find the next bracket; strings are skipped inside what is readable as a whole."""
        while position < self._end and (mark := BRACKET_OR_QUOTE.search(self.answer, position, self._end)):
            if mark[0] in "{[":
                return mark.start()
            try:
                position = read_string(self.answer, mark.start())[1]
            except NotReadable:
                position = mark.end()
        bracket = BRACKET.search(self.answer, max(position, self._end))
        return bracket.start() if bracket else None

    def _mark(self, start: int, end: int) -> None:
        """Extend the range of the answer itself."""
        self._start = start if self._start is None else self._start
        self._end = max(self._end, end)

    def _skip_broken(self, start: int, error: NotReadable) -> int:
        """Return the position after an object or a bracket that cannot be read."""
        if ENTITY.match(self.answer, start):
            following = ENTITY.search(self.answer, start + 1)
            limit = following.start() if following else len(self.answer)
            closing = self.answer.find("}", start, limit)
            end = limit if closing < 0 else closing + 1
            cut_off = error.cut_off and end == len(self.answer) and closing < 0
            self._mark(start, end)
            part = self.answer[start:end].rstrip(" \n,")
            self.content.problems.append(describe("cut off" if cut_off else "malformed", part, "" if cut_off else error.reason))
            return end
        if CONTAINER.match(self.answer, start):
            self._mark(start, start + 1)
            self._broken = self._broken or error
        return start + 1

    def _read_entity(self, value: dict[str, Any], start: int, end: int) -> None:
        text, label, written = value["text"], value.get("label"), value.get("occurrence")
        if not isinstance(text, str) or not isinstance(label, str):
            self._add_malformed(start, end, "text and label are strings")
            return
        occurrence = read_occurrence(written)
        if written is not None and occurrence is None:
            self.content.problems.append(describe("no such occurrence", text, f"number {written!r:.20}"))
        self.content.entities.append(NamedEntity(text, label, occurrence, start, end))

    def _read_container(self, value: Any, start: int, end: int) -> bool:
        """Read an object or a list that is no entity. RETURNS (bool): Whether it may hold entities."""
        members = list(value.values()) if isinstance(value, dict) else value
        if isinstance(value, list):
            for member in members:
                if not isinstance(member, dict | list):
                    self.content.problems.append(describe("malformed", member, "an entity is an object"))
        elif isinstance(value.get("intent"), str):
            self.content.intents.append(value["intent"])
            if "entities" in value and not isinstance(value["entities"], list):
                self._add_malformed(start, end, "entities is a list")
        elif not any(isinstance(member, dict | list) for member in members):
            self._add_malformed(start, end, "an entity has a text and a label")
        return any(isinstance(member, dict | list) for member in members)

    def _add_malformed(self, start: int, end: int, reason: str) -> None:
        self.content.problems.append(describe("malformed", self.answer[start:end], reason))

    def _find_lost_intent(self) -> None:
        """Find the intent of an object that is not readable as a whole, before its first entity."""
        first = ENTITY.search(self.answer)
        match = INTENT.search(self.answer, 0, first.start() if first else len(self.answer))
        if match and not self.content.intents and self.answer[match.end()] in CLOSING_QUOTES:
            try:
                self.content.intents.append(read_string(self.answer, match.end())[0])
            except NotReadable:
                return

    def _describe_whole(self) -> None:
        """Add the problems of the answer as a whole."""
        problems = self.content.problems
        if self._start is None:
            problems.append(describe("no answer", self.answer.strip()))
            return
        if self._broken is not None and self._broken.cut_off and not any(one.startswith("cut off") for one in problems):
            problems.append(describe("cut off", self.answer[self._start :][-40:]))
            self._end = len(self.answer)
        elif self._broken is not None and not problems:
            problems.append(describe("malformed", self.answer[self._start :], self._broken.reason))
        after = self.answer[self._end :].lstrip("]}, \t\r\n")
        problems += describe_surroundings(self.answer[: self._start], after)


def is_entity(value: Any) -> bool:
    """Whether a value names an entity. One with a text and entities repeats the text."""
    return isinstance(value, dict) and "text" in value and "entities" not in value


def read_occurrence(value: Any) -> Optional[int]:
    """Read the number of an occurrence, also as a string; None if it is none."""
    if isinstance(value, str) and value.isdecimal() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None
