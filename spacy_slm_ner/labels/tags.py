"""Conversion of tags to spans and back.

One decoder reads every scheme (IOB1, IOB2, IO, BILUO, IOBES), because they differ only in what they forbid:
a `B-`, `U-` or `S-` always opens an entity, an `I-`, `L-` or `E-` continues an open one of its label or else opens
one, and `L-`, `E-`, `U-` and `S-` close it.
"""

from typing import Iterable, Optional, Sequence

from ..errors import SchemeError
from ..types import Span

OUTSIDE = "O"
OPENING = frozenset("BUS")
CONTINUING = frozenset("ILE")
CLOSING = frozenset("LEUS")


def split_tag(tag: str) -> tuple[str, str]:
    """Split a tag into its prefix and label.

    tag (str): For example "B-DATE" or "O". A label may itself contain hyphens.
    RETURNS (tuple[str, str]): Prefix and label, `("O", "")` for an outside tag.
    RAISES (SchemeError): If the tag is neither "O" nor a known prefix, a hyphen and a label.
    """
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, hyphen, label = tag.partition("-")
    if not hyphen or not label or prefix not in OPENING | CONTINUING:
        raise SchemeError(
            f"Got the tag {tag!r}. A tag is 'O', or one of B, I, L, E, U, S, a hyphen and a label, "
            "for example 'B-DATE'. Correct the tag column."
        )
    return prefix, label


def decode_tags(tags: Sequence[str]) -> tuple[list[Span], list[int]]:
    """Decode the entities of one sequence of tags, in any scheme.

    tags (Sequence[str]): One tag per word.
    RETURNS (tuple[list[Span], list[int]]): The entities as ranges of words, in order, and the positions where an entity
        was opened by an inside tag. Such a position is normal in IO and IOB1, and damage in IOB2 and BILUO.
    RAISES (SchemeError): If a tag cannot be read.
    """
    spans: list[Span] = []
    orphans: list[int] = []
    open_span: Optional[Span] = None
    for i, tag in enumerate(tags):
        prefix, label = split_tag(tag)
        continues = prefix in CONTINUING and open_span is not None and open_span.label == label
        if open_span is not None and not continues:
            spans.append(open_span)
            open_span = None
        if prefix == OUTSIDE:
            continue
        if open_span is None:
            open_span = Span(i, i, label)
            if prefix in CONTINUING:
                orphans.append(i)
        open_span = open_span._replace(end=i + 1)
        if prefix in CLOSING:
            spans.append(open_span)
            open_span = None
    if open_span is not None:
        spans.append(open_span)
    return spans, orphans


def encode_tags(spans: Iterable[Span], length: int) -> list[str]:
    """Encode entities as IOB2 tags.

    spans (Iterable[Span]): Non-overlapping ranges of words, in any order.
    length (int): Number of words.
    RETURNS (list[str]): One tag per word.
    RAISES (SchemeError): If a span is empty, overlaps another or leaves the sequence.
    """
    tags = [OUTSIDE] * length
    for span in spans:
        inside = range(span.start, span.end)
        free = 0 <= span.start < span.end <= length and all(tags[i] == OUTSIDE for i in inside)
        if not free:
            raise SchemeError(
                f"Got the span {tuple(span)} in a sequence of {length} words. BIO tags can hold non-empty, "
                "non-overlapping spans inside the sequence only. Resolve overlaps first."
            )
        for i in inside:
            tags[i] = f"I-{span.label}"
        tags[span.start] = f"B-{span.label}"
    return tags
