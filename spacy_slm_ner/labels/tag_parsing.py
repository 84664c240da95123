"""Parsing of tags as people and language models write them: `B_NAME`, `[b-name]`, `NAME (B)`, `Begin: NAME`, `B-B-NAME`."""

import re
from typing import Iterator, NamedTuple, Sequence

from .tags import OUTSIDE

HYPHENS = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
# Prefixes by their names. M (middle) is from BMES and BMEWO, W (whole) from BMEWO.
PREFIX_OF_NAME = {
    **{letter: letter for letter in "BILEUS"},
    "M": "I",
    "W": "U",
    **dict.fromkeys(("BEGIN", "BEGINNING", "START"), "B"),
    **dict.fromkeys(("INSIDE", "INTERMEDIATE", "MIDDLE"), "I"),
    **dict.fromkeys(("END", "LAST"), "L"),
    **dict.fromkeys(("SINGLE", "SINGLETON", "UNIT", "UNIQUE", "WHOLE"), "U"),
}
# Prefixes that begin no label, as others do in START_DATE, LAST NAME and U-BAHN.
CERTAIN = frozenset({"B", "I", "BEGIN", "BEGINNING", "INSIDE"})
ANY_PREFIX = "|".join(sorted(PREFIX_OF_NAME, key=len, reverse=True))
FRONT = re.compile(rf"(?P<prefix>{ANY_PREFIX})\s*(?P<separator>[-_:./|*\s])\s*(?P<label>\S.*)", re.IGNORECASE | re.DOTALL)
BACK = re.compile(rf"(?P<label>.*\S)\s*(?P<separator>[-_:./|*(\[])\s*(?P<prefix>{ANY_PREFIX})[)\]]?", re.IGNORECASE | re.DOTALL)
PREFIX_ALONE = re.compile(rf"(?:{ANY_PREFIX})\s*[-_:./|*]", re.IGNORECASE)
WRAPPED = re.compile(r"""[\[(<{"'`](.*)[\])>}"'`]""", re.DOTALL)


class TagReading(NamedTuple):
    """A possible reading of a tag.

    prefix (str): One of B, I, L, E, U, S; "O" for an outside tag; "" without a prefix.
    label (str): The label; "" for an outside tag.
    certain (bool): Whether the whole tag is unlikely to be a label.
    """

    prefix: str
    label: str
    certain: bool = True


def possible_readings(written: str) -> Iterator[TagReading]:
    """Yield all possible readings of a tag, the most likely first."""
    tag = written.strip().translate(HYPHENS)
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
            # The prefix is written twice, as in `B-B-NAME`. In `B-B_CELL`, the second one belongs to the label.
            if again is not None and (again["prefix"].upper(), again["separator"]) == (name, match["separator"]):
                yield TagReading(PREFIX_OF_NAME[name], again["label"].strip(), certain)
            yield TagReading(PREFIX_OF_NAME[name], label, certain)
    yield TagReading("", tag)


def read_tag(written: str, allowed: Sequence[str]) -> TagReading:
    """Read a tag, and prefer a reading with an allowed label.

    written (str): The tag.
    allowed (Sequence[str]): Allowed labels, which are never split; empty for any. Without them, `B_NAME` is a NAME, and so a
        label that looks like a tag, such as `B_CELL`, needs the list.
    RETURNS (TagReading): The reading, the label in the case of the allowed one.
    """
    names = {name.upper(): name for name in allowed}
    if written.strip().upper() in names:
        return TagReading("", names[written.strip().upper()])
    all_readings = list(possible_readings(written))
    known = (one for one in all_readings if one.label.upper() in names or one.label.upper() in ("", OUTSIDE))
    best = next(known, None) or next(one for one in all_readings if one.certain)
    label = "" if best.label.upper() == OUTSIDE else best.label
    return best._replace(label=names.get(label.upper(), label))
