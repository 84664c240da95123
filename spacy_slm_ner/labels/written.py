"""Tags as people and language models write them: `B_NAME`, `[b-name]`, `NAME (B)`, `Begin: NAME`, `B-B-NAME`."""

import re
from typing import Iterator, NamedTuple, Sequence

from .tags import OUTSIDE

DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
# Prefixes by their names. M (middle) and W (whole) are those of BMES and BMEWO.
PREFIX_OF_NAME = {
    **{letter: letter for letter in "BILEUS"},
    "M": "I",
    "W": "U",
    **dict.fromkeys(("BEGIN", "BEGINNING", "START"), "B"),
    **dict.fromkeys(("INSIDE", "INTERMEDIATE", "MIDDLE"), "I"),
    **dict.fromkeys(("END", "LAST"), "L"),
    **dict.fromkeys(("SINGLE", "SINGLETON", "UNIT", "UNIQUE", "WHOLE"), "U"),
}
# Those that open no name of a label: START_DATE, LAST NAME and U-BAHN are labels.
CERTAIN = frozenset({"B", "I", "BEGIN", "BEGINNING", "INSIDE"})
NAMES = "|".join(sorted(PREFIX_OF_NAME, key=len, reverse=True))
FRONT = re.compile(rf"(?P<prefix>{NAMES})\s*(?P<separator>[-_:./|*\s])\s*(?P<label>\S.*)", re.IGNORECASE | re.DOTALL)
BACK = re.compile(rf"(?P<label>.*\S)\s*(?P<separator>[-_:./|*(\[])\s*(?P<prefix>{NAMES})[)\]]?", re.IGNORECASE | re.DOTALL)
PREFIX_ALONE = re.compile(rf"(?:{NAMES})\s*[-_:./|*]", re.IGNORECASE)
WRAPPED = re.compile(r"""[\[(<{"'`](.*)[\])>}"'`]""", re.DOTALL)


class TagReading(NamedTuple):
    """A way to read a tag.

    prefix (str): One of B, I, L, E, U, S; "O" for an outside tag; "" where there is none.
    label (str): The label, "" if the tag is outside.
    certain (bool): Whether no label is likely to be written so.
    """

    prefix: str
    label: str
    certain: bool = True


def possible_readings(written: str) -> Iterator[TagReading]:
    """Read a tag in all ways that it can be meant, the most likely first."""
    tag = written.strip().translate(DASHES)
    wrapped = WRAPPED.fullmatch(tag)
    tag = wrapped[1].strip() if wrapped else tag
    if tag.upper() in (OUTSIDE, "OUTSIDE", "") or PREFIX_ALONE.fullmatch(tag):
        yield TagReading(OUTSIDE, "")
        return
    for pattern in (FRONT, BACK):
        match = pattern.fullmatch(tag)
        if match is not None:
            name, label = match["prefix"].upper(), match["label"].strip()
            certain = name in CERTAIN or (pattern is FRONT and len(name) == 1 and match["separator"] == "-" and name in "LEUS")
            again = FRONT.fullmatch(label)
            # Written twice, as in `B-B-NAME`. In `B-B_CELL`, the second belongs to the label.
            if again is not None and (again["prefix"].upper(), again["separator"]) == (name, match["separator"]):
                yield TagReading(PREFIX_OF_NAME[name], again["label"].strip(), certain)
            yield TagReading(PREFIX_OF_NAME[name], label, certain)
    yield TagReading("", tag)


def read_tag(written: str, allowed: Sequence[str]) -> TagReading:
    """Read a tag, such that its label is an allowed one if that is possible at all.

    written (str): The tag.
    allowed (Sequence[str]): Labels, which are never taken apart. Empty if any is allowed: then `B_NAME` is a NAME, and a label
        that is written like a tag, such as `B_CELL`, needs the list.
    RETURNS (TagReading): As `possible_readings` has it, the label in the case of the allowed one.
    """
    names = {name.upper(): name for name in allowed}
    if written.strip().upper() in names:
        return TagReading("", names[written.strip().upper()])
    ways = list(possible_readings(written))
    known = (way for way in ways if way.label.upper() in names or way.label.upper() in ("", OUTSIDE))
    best = next(known, None) or next(way for way in ways if way.certain)
    label = "" if best.label.upper() == OUTSIDE else best.label
    return best._replace(label=names.get(label.upper(), label))
