"""Types that all subpackages share. All ranges are half-open."""

from typing import NamedTuple, Optional


class Span(NamedTuple):
    """A labelled range of characters, tokens or words, as its function documents.

    start (int): First position.
    end (int): Position after the last one.
    label (str): Entity label, e.g. "DATE".
    """

    start: int
    end: int
    label: str

    def overlaps(self, other: "Span") -> bool:
        """Whether the two ranges share at least one position."""
        return self.start < other.end and other.start < self.end


class ScoredSpan(NamedTuple):
    """A labelled range and its score.

    span (Span): The range.
    score (Optional[float]): From 0 to 1; None if it is not known.
    """

    span: Span
    score: Optional[float]
