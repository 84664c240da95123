"""Tagging schemes, and their detection.

IO     I- only: adjacent entities of one label cannot be separated (Wikigold)
IOB1   I- everywhere, B- only where an entity follows another of its label (CoNLL-2003 as published)
IOB2   B- opens every entity (most sets today)
BILUO  B- I- L- for longer entities, U- for single words; IOBES names them B- I- E- S-
"""

from typing import Iterable, Literal, Sequence, get_args

from ..errors import SchemeError
from .tags import split_tag

Scheme = Literal["IO", "IOB1", "IOB2", "BILUO"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

PREFIXES: dict[Scheme, frozenset[str]] = {
    "IO": frozenset("IO"),
    "IOB1": frozenset("BIO"),
    "IOB2": frozenset("BIO"),
    "BILUO": frozenset("BILUOES"),
}


def detect_scheme(sequences: Iterable[Sequence[str]]) -> Scheme:
    """Detect the scheme of a data set from its tags.

    If inside tags open entities, and `B-` also does where IOB1 would not have it, no scheme fits: such data is damaged IOB2, and
    is reported as IOB2.

    sequences (Iterable[Sequence[str]]): Tags of each sentence.
    RETURNS (Scheme): The strictest scheme that explains the tags.
    RAISES (SchemeError): If a tag cannot be read.
    """
    seen: set[str] = set()
    inside_opens = begin_is_needless = False
    for tags in sequences:
        last_prefix, last_label = "O", ""
        for tag in tags:
            prefix, label = split_tag(tag)
            follows_own = last_prefix != "O" and last_label == label
            inside_opens |= prefix == "I" and not follows_own
            begin_is_needless |= prefix == "B" and not follows_own
            seen.add(prefix)
            last_prefix, last_label = prefix, label
    if seen & frozenset("LUES"):
        return "BILUO"
    if "B" not in seen:
        return "IO" if "I" in seen else "IOB2"
    return "IOB1" if inside_opens and not begin_is_needless else "IOB2"


def check_scheme(sequences: Iterable[Sequence[str]], scheme: Scheme) -> None:
    """Check that all tags have prefixes of a scheme.

    sequences (Iterable[Sequence[str]]): Tags of each sentence.
    scheme (Scheme): The scheme.
    RAISES (SchemeError): At the first tag with another prefix.
    """
    for tags in sequences:
        for tag in tags:
            if split_tag(tag)[0] not in PREFIXES[scheme]:
                allowed = ", ".join(sorted(PREFIXES[scheme]))
                raise SchemeError(
                    f"Got the tag {tag!r} in data said to be {scheme}, whose prefixes are {allowed}. "
                    "Name the right scheme, or leave it to be detected."
                )
