"""Problems of free answers, by kinds with names."""

import re
from typing import Iterator, Literal

ProblemKind = Literal[
    "no answer",
    "cut off",
    "malformed",
    "markdown fence",
    "text around",
    "no intent",
    "unknown intent",
    "second intent",
    "unknown label",
    "not in the text",
    "copied from an example",
    "no such occurrence",
    "inexact",
    "duplicate",
    "overlap",
]
# What costs no entity: the answer was used as a whole.
HARMLESS: frozenset[ProblemKind] = frozenset({"markdown fence", "text around", "inexact", "duplicate"})
FENCE = re.compile(r"```[ \t]*\w*|~~~[ \t]*\w*")
THOUGHT_END = "</think>"
# The beginning of an answer without a thought before it, in which the mark is text.
ANSWER_START = re.compile(r"\s*(?:[{\[]|```|intent\b)")
# Most characters of an answer that a problem quotes.
LONGEST = 80


class Problem(str):
    """A sentence on what is wrong with an answer: its kind, a colon, and a part of the answer.

    part (str): The part, whole; the sentence may quote its beginning alone.
    """

    part: str


def describe(kind: ProblemKind, part: object, note: str = "") -> Problem:
    """Describe a problem.

    kind (ProblemKind): What is wrong.
    part (object): Part of the answer.
    note (str): What else is known.
    """
    quoted = repr(part)
    quoted = quoted if len(quoted) <= LONGEST else f"{quoted[: LONGEST - 1]}…"
    problem = Problem(f"{kind}: {quoted}" + (f" ({note})" if note else ""))
    problem.part = str(part)
    return problem


def kind_of(problem: str) -> str:
    """Return the kind of a problem, which may also be of another source than `describe`."""
    return problem.partition(":")[0]


def is_harmless(problem: str) -> bool:
    """Whether a problem that `describe` wrote costs no entity; one that was written otherwise may."""
    return problem.partition(":")[0] in HARMLESS


def skip_thought(answer: str) -> int:
    """Return the character at which an answer may begin: at the end of a thought, whose opening mark may be missing."""
    return 0 if ANSWER_START.match(answer) else max(answer.find(THOUGHT_END), 0)


def describe_surroundings(before: str, after: str) -> Iterator[str]:
    """Describe what stands around an answer: at most one fence, and a text before and behind it.

    before (str): Text before the answer.
    after (str): Text behind it.
    YIELDS (str): Problems.
    """
    fence = FENCE.search(before) or FENCE.search(after)
    if fence:
        yield describe("markdown fence", fence[0])
    for part in (before, after):
        text = FENCE.sub("", part).strip()
        if text:
            yield describe("text around", text)


def choose_intent(written: list[str], intents: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Choose the intent of an answer.

    written (list[str]): Intents that the answer names, in order.
    intents (tuple[str, ...]): Intents of the format; if there are none, none is chosen.
    RETURNS (tuple[str | None, list[str]]): The first that is known, and problems.
    """
    if not intents:
        return None, []
    by_name = {intent.casefold(): intent for intent in reversed(intents)}
    known = [name if name in intents else by_name.get(name.casefold()) for name in written]
    problems: list[str] = [describe("unknown intent", name) for name, intent in zip(written, known) if intent is None]
    chosen = next(filter(None, known), None)
    problems += [describe("second intent", intent) for intent in known if intent not in (None, chosen)]
    return chosen, problems if written else [describe("no intent", list(intents))]
