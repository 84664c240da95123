"""Grouping of the word labels of a record into mentions of entities."""

from typing import Iterator, NamedTuple, Optional, Sequence

from ..alignment import Mention
from ..labels.names import is_name
from ..labels.tag_parsing import read_tag
from .schema import Record, WordLabel


class Problem(NamedTuple):
    """Damage in a record, or a remark on it.

    kind (str): A key of DAMAGE or REMARKS.
    reason (str): Details, which quote the word.
    """

    kind: str
    reason: str


class ParsedLabel(NamedTuple):
    """The label of a word.

    opens (Optional[bool]): Whether it opens an entity; None if it has no prefix.
    label (str): Label of the entity; empty for an outside label.
    """

    opens: Optional[bool]
    label: str


def parse_label(written: str, allowed: Sequence[str], opened: str = "") -> ParsedLabel:
    """Parse a label as models write it: "B-DATE", "b_date", "DATE (B)", "DATE", "O", "B-O".

    written (str): Label of a word.
    allowed (Sequence[str]): Allowed labels, whose case is restored; empty for any.
    opened (str): Label of the open entity. Where any label is allowed, "E-MAIL" ends an entity only if that is a MAIL.
    RETURNS (ParsedLabel): The label.
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
    RETURNS (tuple[list[Mention], list[Problem]]): Entities in the order of the record, and the damage that was mended.
    """
    mentions: list[Mention] = []
    problems: list[Problem] = []
    is_open = False
    for entry in record.labels:
        parsed = parse_label(entry.label, allowed, mentions[-1].label if is_open else "")
        continues = is_open and mentions[-1].label == parsed.label
        problems.extend(find_problems(entry, parsed, continues, allowed))
        if not entry.word.strip():
            continue
        if not parsed.label or (allowed and parsed.label not in allowed) or not is_name(parsed.label):
            is_open = False
        elif continues and not parsed.opens:
            mentions[-1] = mentions[-1]._replace(words=(*mentions[-1].words, entry.word))
        else:
            mentions.append(Mention((entry.word,), parsed.label, entry.occurrence))
            is_open = True
    return mentions, problems


def find_problems(entry: WordLabel, parsed: ParsedLabel, continues: bool, allowed: Sequence[str]) -> Iterator[Problem]:
    """Find the damage in the label of one word."""
    quoted = f"{entry.word!r}: {entry.label!r}"
    if not entry.word.strip():
        yield Problem("missing", f"got {quoted}, a word of white space")
    elif not parsed.label:
        yield Problem("outside_label", f"got {quoted}")
    elif allowed and parsed.label not in allowed:
        yield Problem("unknown_label", f"got {quoted}, allowed are {', '.join(allowed)}")
    elif not is_name(parsed.label):
        yield Problem("unknown_label", f"got {quoted}, a label is text on one line without control characters")
    elif parsed.opens is None:
        yield Problem("bare_label", f"got {quoted}")
    elif not parsed.opens and not continues:
        yield Problem("orphan_inside", f"got {quoted} without B-{parsed.label} before it")
