"""Words that stand in a text with slips of the pen, such as `Ottolina Varga` for `Ottoline Varga`."""

from bisect import bisect_left, bisect_right
from typing import NamedTuple, Optional, Sequence

# Shorter words are like too many others.
SHORTEST = 4
# How many tokens the range that is most alike may begin or end beside the one that was found.
AROUND = 1


class FuzzyPlace(NamedTuple):
    """A range of tokens.

    start (int): First token.
    end (int): Token after the last one.
    similarity (float): Normalized Levenshtein similarity of its text, 0 to 1; case does not count.
    """

    start: int
    end: int
    similarity: float


class FuzzySearch:
    """Searches words among whole tokens by Levenshtein distance.

    text (str): The text.
    starts (Sequence[int]): First character of each token.
    ends (Sequence[int]): Position after its last character.
    """

    def __init__(self, text: str, starts: Sequence[int], ends: Sequence[int]) -> None:
        self.text = lower(text)
        self.starts, self.ends = starts, ends

    def find(self, words: str, least: float, taken: Sequence[tuple[int, int]] = ()) -> Optional[FuzzyPlace]:
        """Find the range of tokens that is most like some words, the first of several.

        words (str): The words.
        least (float): Least similarity.
        taken (Sequence[tuple[int, int]]): Ranges of characters that it must not touch.
        RETURNS (Optional[FuzzyPlace]): None if there is none, or the words are shorter than four characters.
        """
        from rapidfuzz import fuzz

        words = lower(words.strip())
        if len(words) < SHORTEST:
            return None
        text = blank(self.text, taken)
        # The best window of characters costs about a microsecond for each; what is around it is looked at token by token.
        window = fuzz.partial_ratio_alignment(words, text, score_cutoff=100 * least * least)
        if window is None or window.dest_start >= window.dest_end:
            return None
        first = max(bisect_right(self.starts, window.dest_start) - 1, 0)
        last = bisect_left(self.ends, window.dest_end)
        places = [
            self._compare(words, text, start, end)
            for start in range(max(first - AROUND, 0), min(first + AROUND, last) + 1)
            for end in range(max(last - AROUND, start) + 1, min(last + AROUND, len(self.starts) - 1) + 2)
        ]
        # Of those that need as few changes, the shorter one: a comma behind a name costs nothing where a letter is too much.
        _, _, best = min(places, key=lambda place: place[:2] + place[2][:1])
        return best if best.similarity >= least else None

    def _compare(self, words: str, text: str, start: int, end: int) -> tuple[int, int, FuzzyPlace]:
        """Return the number of changes, the length, and the place of a range of tokens."""
        from rapidfuzz.distance import Levenshtein

        found = text[self.starts[start] : self.ends[end - 1]]
        changes = Levenshtein.distance(words, found)
        return changes, len(found), FuzzyPlace(start, end, 1 - changes / max(len(words), len(found)))


def lower(text: str) -> str:
    """Lower a text character by character, so that all keep their places."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def blank(text: str, ranges: Sequence[tuple[int, int]]) -> str:
    """Fill ranges, which do not overlap, with what no words are like."""
    parts, position = list[str](), 0
    for start, end in sorted(ranges):
        parts += [text[position:start], "\0" * (end - start)]
        position = end
    return "".join([*parts, text[position:]])


def require_rapidfuzz() -> None:
    """RAISES (ValueError): If rapidfuzz is not installed."""
    try:
        import rapidfuzz  # noqa: F401
    except ImportError:
        raise ValueError(
            'Fuzzy places need rapidfuzz: pip install "spacy-slm-ner[fuzzy]". Set fuzzy to 0 to do without.'
        ) from None
