"""Normalization of the tags in CoNLL files, which data sets write in many ways, to a prefix, a hyphen and a label."""

import re
from typing import Sequence, Union

from ..errors import SchemeError
from ..labels import OUTSIDE, split_tag
from ..labels.tag_parsing import TagReading, possible_readings

# In CoNLL-U, a column without a value.
OUTSIDES = (OUTSIDE, OUTSIDE.lower(), "_")
# `ner=B-PER`, one of several features of a word.
FEATURE = re.compile(r"\w+=(.+)")
# A label alone, as Few-NERD has it: `person-actor`. A letter and a hyphen look like a prefix that nobody knows.
BARE = re.compile(r"(?!\w-)[^\W\d_][\w./&:-]*")


def normalize_tags(tags: Sequence[tuple[str, str]]) -> list[Union[str, SchemeError]]:
    """Normalize the tags of a file.

    tags (Sequence[tuple[str, str]]): File and line of each tag, for errors, and the tag as written.
    RETURNS (list[Union[str, SchemeError]]): Tags that `split_tag` reads, or the error of one that cannot be read. Where no label
        has a prefix, neighbouring words of one label are one entity, so every tag is an inside tag.
    """
    values = [(place, value_of(tag)) for place, tag in tags]
    if are_bare([tag for _, tag in values]):
        return [tag if tag == OUTSIDE else f"I-{tag}" for _, tag in values]
    return [normalize_tag(place, tag) for place, tag in values]


def value_of(tag: str) -> str:
    """Return a tag without the name of its feature."""
    feature = FEATURE.fullmatch(tag)
    value = feature[1] if feature is not None and is_tag(feature[1]) else tag
    return OUTSIDE if value in OUTSIDES else value


def is_tag(text: str) -> bool:
    """Whether a text is an outside tag, or a tag with a prefix, in any notation."""
    return text in OUTSIDES or prefixed_reading(text) is not None


def prefixed_reading(tag: str) -> TagReading | None:
    """Return the first reading of a tag that has a prefix and a label."""
    return next((reading for reading in possible_readings(tag) if reading.prefix and reading.label), None)


def are_bare(tags: Sequence[str]) -> bool:
    """Whether the tags of a file are labels without prefixes: none has a prefix, some words are outside, and labels recur."""
    labels = [tag for tag in tags if tag != OUTSIDE]
    alike = all(BARE.fullmatch(label) and prefixed_reading(label) is None for label in set(labels))
    return bool(labels) and OUTSIDE in tags and alike and 2 * len(set(labels)) <= len(tags)


def normalize_tag(place: str, tag: str) -> Union[str, SchemeError]:
    """Normalize one tag, or return the error if it cannot be read."""
    try:
        split_tag(tag)
        return tag
    except SchemeError as error:
        reading = prefixed_reading(tag)
        if reading is None:
            return SchemeError(f"{place}: {error}")
        return f"{reading.prefix}-{reading.label}"
