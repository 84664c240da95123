"""From the word labels of a record to the mentions that are searched in its text."""

from typing import Iterator, NamedTuple, Optional, Sequence

from ..alignment import Mention
from ..labels.names import is_name
from ..labels.written import read_tag
from .schema import Record, WordLabel


class Problem(NamedTuple):
    """A kind of damage and what exactly was found."""

    kind: str
    reason: str


class ParsedLabel(NamedTuple):
    """A label as understood: does it open an entity (None where it does not say), and which."""

    opens: Optional[bool]
    label: str


def parse_label(written: str, allowed: Sequence[str], opened: str = "") -> ParsedLabel:
    """Understand a label as models write it: "B-DATE", "b_date", "DATE (B)", "DATE", "O", "B-O".

    written (str): Label of a word.
    allowed (Sequence[str]): Labels to which another case is corrected; empty if any label is allowed.
    opened (str): Label of the entity before. Where any label is allowed, "E-MAIL" ends an entity only if that is a MAIL.
    RETURNS (ParsedLabel): With the label "" for an outside label.
    """
    prefix, label, _ = read_tag(written, allowed)
    if not allowed and prefix in ("L", "E") and label != opened:
        prefix, label = "", written.strip()
    if not label:
        return ParsedLabel(True, "")
    return ParsedLabel(prefix in ("B", "U", "S") if prefix else None, label)


def read_mentions(record: Record, allowed: Sequence[str]) -> tuple[list[Mention], list[Problem]]:
    """Group the words of a record into entities.

    record (Record): The record.
    allowed (Sequence[str]): Allowed labels; empty for any.
    RETURNS (tuple[list[Mention], list[Problem]]): Entities in the order of the record, and what had to be mended.
    """
    mentions: list[Mention] = []
    problems: list[Problem] = []
    is_open = False
    for entry in record.labels:
        read = parse_label(entry.label, allowed, mentions[-1].label if is_open else "")
        continues = is_open and mentions[-1].label == read.label
        problems.extend(find_problems(entry, read, continues, allowed))
        if not entry.word.strip():
            continue
        if not read.label or (allowed and read.label not in allowed) or not is_name(read.label):
            is_open = False
        elif continues and not read.opens:
            mentions[-1] = mentions[-1]._replace(words=(*mentions[-1].words, entry.word))
        else:
            mentions.append(Mention((entry.word,), read.label, entry.occurrence))
            is_open = True
    return mentions, problems


def find_problems(entry: WordLabel, read: ParsedLabel, continues: bool, allowed: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with one entry."""
    quoted = f"{entry.word!r}: {entry.label!r}"
    if not entry.word.strip():
        yield Problem("missing", f"got {quoted}, a word of white space")
    elif not read.label:
        yield Problem("outside_label", f"got {quoted}")
    elif allowed and read.label not in allowed:
        yield Problem("unknown_label", f"got {quoted}, allowed are {', '.join(allowed)}")
    elif not is_name(read.label):
        yield Problem("unknown_label", f"got {quoted}, a label is text on one line without control characters")
    elif read.opens is None:
        yield Problem("bare_label", f"got {quoted}")
    elif not read.opens and not continues:
        yield Problem("orphan_inside", f"got {quoted} without B-{read.label} before it")
