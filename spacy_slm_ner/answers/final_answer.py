"""The final answer of a model that reasons first. Its drafts are no records.

| in an answer | final answer |
| --- | --- |
| `<think>...</think>` and similar marks (`MARKS`), any number of them | the text around them |
| an opening mark without a closing one: cut off while the model was reasoning | the text before it |
| a closing mark without an opening one, which the chat template swallowed | the text after it |
| channels of harmony (gpt-oss), also with some of their marks stripped | the text of the channel `final` |

A mark inside a string of a JSON value is data: `{"text": "What does <think> mean?"}` is a record like any other.
"""

import re
from typing import Iterator, Literal, NamedTuple

from .lenient_json import NotReadable, read_value

MarkKind = Literal["open", "close", "final", "end"]
REASONING_NAMES = (
    r"(?:\w+:)?(?:think|thinking|thoughts?|reason|reasoning|reflection|reflect|scratchpad|analysis|antthinking|inner_monologue)"
)
HARMONY = r"(?:\s*<\|constrain\|>\w*)?[^<]{{0,80}}<\|message\|>"
MARKS: tuple[tuple[MarkKind, str], ...] = (
    ("open", rf"<\|?{REASONING_NAMES}\|?(?:\s[^<>]*)?>|◁think▷|\[THINK\]|<\|begin_of_thought\|>|<\|START_THINKING\|>"),
    ("close", rf"<\|?/{REASONING_NAMES}\|?\s*>|◁/think▷|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>"),
    ("final", rf"<\|channel\|>\s*final\b{HARMONY.format()}"),
    ("open", rf"<\|channel\|>\s*\w+{HARMONY.format()}|<\|channel\|>\s*(?!final\b)\w+"),
    ("end", r"<\|(?:end|return|call|start)\|>(?:assistant)?"),
)
MARK = re.compile("|".join(f"(?P<{kind}{number}>{pattern})" for number, (kind, pattern) in enumerate(MARKS)), re.IGNORECASE)
# Where a server strips the marks of harmony, the names of its channels stay behind.
STRIPPED = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?![\"'\s]*:)", re.IGNORECASE)
STRIPPED_FINAL = re.compile(r"assistant\s*final(?:json)?(?=\W|[A-Z]|$)")
# Characters at which a mark or a JSON value may begin.
MARK_OR_VALUE = re.compile(r"[{\[<◁]")


class Mark(NamedTuple):
    """A mark outside JSON values.

    kind (MarkKind): Whether it opens or closes reasoning, begins the final answer, or ends a message.
    start (int): First character.
    end (int): Position after the last character.
    """

    kind: MarkKind
    start: int
    end: int


def final_answer(text: str) -> str:
    """Return an answer without its reasoning; see the table of this module."""
    text = without_channel_names(text)
    kept: list[str] = []
    position, inside = 0, False
    for mark in find_marks(text):
        if mark.kind == "final" or (mark.kind == "close" and not inside and not is_stray(text, mark)):
            kept.clear()
        elif not inside:
            kept.append(text[position : mark.start])
        inside = mark.kind == "open" or (inside and mark.kind not in ("close", "end", "final"))
        position = mark.end
    return "\n".join(kept if inside else [*kept, text[position:]])


def without_channel_names(text: str) -> str:
    """Return the text after the name of the final channel, where a server has stripped the marks around the names."""
    final = STRIPPED_FINAL.search(text) if STRIPPED.match(text) else None
    return text[final.end() :] if final else text


def is_stray(text: str, mark: Mark) -> bool:
    """Whether a closing mark without an opening one ends an answer that is only JSON."""
    before = text[: mark.start].strip()
    return not text[mark.end :].strip(" \n`") and before[:1] in ("{", "[") and end_of_value(before, 0) == len(before)


def find_marks(text: str) -> Iterator[Mark]:
    """Find the marks outside JSON values, from left to right."""
    position = 0
    while found := MARK_OR_VALUE.search(text, position):
        mark = MARK.match(text, found.start())
        if mark and mark.lastgroup:
            yield Mark(mark.lastgroup.rstrip("0123456789"), mark.start(), mark.end())  # type: ignore[arg-type]
            position = mark.end()
        else:
            position = end_of_value(text, found.start())


def end_of_value(text: str, start: int) -> int:
    """Return the end of a JSON value, or the position after its bracket if it is none."""
    if text[start] not in "{[":
        return start + 1
    try:
        return read_value(text, start)[1]
    except NotReadable:
        return start + 1
