"""Tags of CoNLL columns, in the many ways in which data sets write them, as a prefix, a hyphen and a label."""

import re
from typing import Sequence, Union

from ..errors import SchemeError
from ..labels import OUTSIDE, split_tag
from ..labels.written import TagReading, possible_readings

# In CoNLL-U, a column without a value.
OUTSIDES = (OUTSIDE, OUTSIDE.lower(), "_")
# `ner=B-PER`, one of several features of a word.
FEATURE = re.compile(r"\w+=(.+)")
# A label alone, as Few-NERD has it: `person-actor`. A letter and a hyphen look like a prefix that nobody knows.
BARE = re.compile(r"(?!\w-)[^\W\d_][\w./&:-]*")


def plain_tags(tags: Sequence[tuple[str, str]]) -> list[Union[str, SchemeError]]:
    """Read the tags of a file.

    tags (Sequence[tuple[str, str]]): Where each stands, as a text for errors, and the tag as written.
    RETURNS (list[Union[str, SchemeError]]): Tags that `split_tag` reads, or why one cannot be read. Where labels have no
        prefixes at all, words of one label that follow each other are one entity, so every tag is an inside tag.
    """
    values = [(place, value_of(tag)) for place, tag in tags]
    if are_bare([tag for _, tag in values]):
        return [tag if tag == OUTSIDE else f"I-{tag}" for _, tag in values]
    return [plain_tag(place, tag) for place, tag in values]


def value_of(tag: str) -> str:
    """A tag without the name of its feature."""
    feature = FEATURE.fullmatch(tag)
    value = feature[1] if feature is not None and is_tag(feature[1]) else tag
    return OUTSIDE if value in OUTSIDES else value


def is_tag(text: str) -> bool:
    """Whether a text is a tag with a prefix, in any way to write it, or an outside tag."""
    return text in OUTSIDES or prefixed_reading(text) is not None


def prefixed_reading(tag: str) -> TagReading | None:
    """The first reading of a tag in which it has a prefix and a label."""
    return next((way for way in possible_readings(tag) if way.prefix and way.label), None)


def are_bare(tags: Sequence[str]) -> bool:
    """Whether the tags of a file are labels without prefixes: no tag has one, some words are outside, and labels recur."""
    labels = [tag for tag in tags if tag != OUTSIDE]
    alike = all(BARE.fullmatch(label) and prefixed_reading(label) is None for label in set(labels))
    return bool(labels) and OUTSIDE in tags and alike and 2 * len(set(labels)) <= len(tags)


def plain_tag(place: str, tag: str) -> Union[str, SchemeError]:
    """One tag as a prefix, a hyphen and a label, or why it cannot be read."""
    try:
        split_tag(tag)
        return tag
    except SchemeError as error:
        way = prefixed_reading(tag)
        if way is None:
            return SchemeError(f"{place}: {error}")
        return f"{way.prefix}-{way.label}"
