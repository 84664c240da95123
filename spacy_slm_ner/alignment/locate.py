"""Where in a text do the words of its entities stand?

Language models copy words, they do not count characters. So the words come without offsets, in text order, and a cursor
moves over the text from left to right: an entity is searched as a whole behind the one before it, first as written, then in
ever looser ways. "Find all" would be wrong: "Move the 4 PM call on May 4" has two `4`.
"""

import re
from dataclasses import dataclass, field
from typing import Callable, Iterator, Literal, NamedTuple, Optional, Sequence

from ..types import Span
from .boundaries import is_boundary
from .folding import Folded, fold_loosely
from .inside_word import is_plausible_inside_word

Status = Literal["joined", "folded", "respaced", "reordered", "inside_word", "split", "ambiguous", "missing"]


class Mention(NamedTuple):
    """The words of one entity, as copied.

    words (tuple[str, ...]): Words in text order.
    label (str): Entity label.
    occurrence (Optional[int]): Which occurrence of the words in the text is meant, counted from 1; None where the order of
        the entities tells it.
    """

    words: tuple[str, ...]
    label: str
    occurrence: Optional[int] = None


class Located(NamedTuple):
    """Where a mention stands.

    words (tuple[str, ...]): The words that were searched.
    span (Optional[Span]): Range of characters, None if the words were not found.
    statuses (tuple[Status, ...]): How it was found where it was not found as written:
        joined: punctuation stands between the words ("Tuesday, August 28th" from "Tuesday", "August", "28th").
        folded: case, quote mark, dash, kind of space, normal or compatibility form, or invisible characters differ.
        respaced: spaces differ inside a word ("john @ gmail .com" for "john@gmail.com").
        reordered: it stands before the entity that precedes it in the list.
        inside_word: it stands inside a longer word only (`서울` in `서울에서`); see `is_plausible_inside_word`.
        split: the words do not stand together, this is one part of them.
        ambiguous: the same words stand elsewhere in the text, outside any entity; the first place was taken.
        missing: not in the text.
    """

    words: tuple[str, ...]
    span: Optional[Span]
    statuses: tuple[Status, ...] = ()


def word_group(word: str) -> str:
    """One word; any white space in it matches any other. A group, so that its ends can be checked to be ends of words."""
    return "(" + r"\s+".join(map(re.escape, word.split())) + ")"


def words_pattern(words: Sequence[str]) -> str:
    """Regular expression of the words with free white space between any two."""
    return r"\s*".join(map(word_group, words))


def joined_pattern(words: Sequence[str]) -> str:
    """Regular expression of the words with up to three characters of punctuation and space in front of any but the first.

    Punctuation that a word begins with counts as part of the gap before it, so a gap ends at a word character, which it
    cannot hold. There is one way to match, and no backtracking over long runs of punctuation.
    """
    parts = [word_group(words[0])]
    for word in words[1:]:
        core = re.sub(r"^\W+", "", word)
        parts.append(rf"\W{{0,3}}{word_group(core)}" if core else rf"\s*{word_group(word)}")
    return "".join(parts)


def respaced_pattern(words: Sequence[str]) -> str:
    """Regular expression of the characters of the words with free white space between any two."""
    return r"\s*".join(re.escape(char) for word in words for char in word if not char.isspace())


class Way(NamedTuple):
    """A way to search.

    pattern (Callable[[Sequence[str]], str]): Makes the regular expression of words.
    folded (bool): Whether to search the folded text.
    statuses (tuple[Status, ...]): What to say of a match.
    inside (bool): Whether a match may begin and end inside of words.
    """

    pattern: Callable[[Sequence[str]], str]
    folded: bool
    statuses: tuple[Status, ...]
    inside: bool = False


# From strict to loose.
WAYS = (
    Way(words_pattern, False, ()),
    Way(joined_pattern, False, ("joined",)),
    Way(words_pattern, True, ("folded",)),
    Way(joined_pattern, True, ("folded", "joined")),
    Way(respaced_pattern, True, ("respaced",)),
)
# Where no whole words were found anywhere.
INSIDE = (
    Way(words_pattern, False, ("inside_word",), inside=True),
    Way(words_pattern, True, ("folded", "inside_word"), inside=True),
)


def find_ranges(pattern: str, text: str, start: int = 0, inside: bool = False, folded: bool = False) -> Iterator[tuple[int, int]]:
    """Ranges of whole words that match, left to right; they may overlap.

    The pattern is looked ahead for at every position, because a match that is no whole word may hide one that begins inside it.

    inside (bool): Take what is no whole word instead: the words together are a part of a longer one.
    folded (bool): Whether the text is folded.
    """
    for match in re.compile(f"(?=({pattern}))").finditer(text, start):
        first, last = match.span(1)
        inner = {edge for group in range(1, len(match.groups()) + 1) for edge in match.span(group)} - {first, last}
        outer = all(is_boundary(text, edge) for edge in (first, last))
        if all(is_boundary(text, edge) for edge in inner) and (outer or (inside and is_plausible_inside_word(text, first, last, folded))):
            yield first, last


@dataclass
class Cursor:
    """The text, what of it is taken, and how far the search has come.

    text (str): The text.
    folded (Folded): The same, folded.
    taken (list[Span]): Entities located so far.
    position (int): End of the entity located last.
    """

    text: str
    folded: Folded = field(init=False)
    taken: list[Span] = field(default_factory=list)
    position: int = 0

    def __post_init__(self) -> None:
        self.folded = fold_loosely(self.text)

    def find(self, mention: Mention) -> Optional[Located]:
        """Locate all words of a mention together and move behind them."""
        if mention.occurrence is not None:
            return self._find_occurrence(mention, mention.occurrence)
        for ways in (WAYS, INSIDE):
            for start, order in ((self.position, ()), (0, ("reordered",))):
                for ranges, statuses in self._search(mention, ways, start):
                    for first, last in ranges:
                        span = Span(first, last, mention.label)
                        if self._is_free(span):
                            return self._take(mention, span, (*statuses, *order))
        return None

    def _search(
        self, mention: Mention, ways: Sequence[Way], start: int = 0
    ) -> Iterator[tuple[Iterator[tuple[int, int]], tuple[Status, ...]]]:
        """Places of the words, from the strictest way to search to the loosest."""
        for way in ways:
            if not way.folded:
                yield find_ranges(way.pattern(mention.words), self.text, start, way.inside), way.statuses
                continue
            words = [fold_loosely(word).text for word in mention.words]
            if all(word.strip() for word in words):
                place = self.folded.position(start)
                ranges = find_ranges(way.pattern(words), self.folded.text, place, way.inside, folded=True)
                yield self._unfolded(ranges), way.statuses

    def _unfolded(self, ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Ranges of the text from those of the folded text."""
        return (place for first, last in ranges if (place := self.folded.range(first, last)) is not None)

    def _is_free(self, span: Span) -> bool:
        return not any(span.overlaps(other) for other in self.taken)

    def _find_occurrence(self, mention: Mention, occurrence: int) -> Optional[Located]:
        for places, statuses in self._search(mention, (*WAYS, *INSIDE)):
            ranges = list(places)
            if occurrence <= len(ranges):
                span = Span(*ranges[occurrence - 1], mention.label)
                return self._take(mention, span, statuses) if self._is_free(span) else None
        return None

    def _take(self, mention: Mention, span: Span, statuses: tuple[Status, ...]) -> Located:
        self.taken.append(span)
        if "reordered" not in statuses:
            self.position = span.end
        return Located(mention.words, span, statuses)

    def is_ambiguous(self, mention: Mention) -> bool:
        """Whether the words also stand where no entity does, and nothing says which place is meant."""
        if mention.occurrence is not None:
            return False
        return any(self._is_free(Span(*place, "")) for place in find_ranges(words_pattern(mention.words), self.text))


def split_mention(cursor: Cursor, mention: Mention) -> Iterator[tuple[Mention, Optional[Located]]]:
    """Locate a mention; where its words do not stand together, locate the longest parts that do.

    A mention with an occurrence is one thing: if it is not there, no part of it is looked for elsewhere.
    """
    words, parts = mention.words, 0
    if not words:
        yield mention, None
    while words:
        for length in range(len(words), 0, -1):
            part = mention._replace(words=words[:length])
            found = cursor.find(part)
            if found is not None or length == 1 or mention.occurrence is not None:
                break
        words = words[length:]
        parts += 1
        if found is not None and (parts > 1 or words):
            found = found._replace(statuses=(*found.statuses, "split"))
        yield part, found


def locate(text: str, mentions: Sequence[Mention]) -> list[Located]:
    """Locate mentions in a text by a left-to-right cursor.

    text (str): The text.
    mentions (Sequence[Mention]): Entities in text order.
    RETURNS (list[Located]): At least one for each mention, in the order of the mentions; ranges never
        overlap. A mention whose words do not stand together gives one for each part. Words of white space are left aside.
    """
    cursor = Cursor(text)
    solid = [mention._replace(words=tuple(filter(str.strip, mention.words))) for mention in mentions]
    pairs = [pair for mention in solid for pair in split_mention(cursor, mention)]
    return [to_located(cursor, part, found) for part, found in pairs]


def to_located(cursor: Cursor, part: Mention, found: Optional[Located]) -> Located:
    """The result for a part, with the remark that can be made only when all are located."""
    if found is None:
        return Located(part.words, None, ("missing",))
    if cursor.is_ambiguous(part):
        return found._replace(statuses=(*found.statuses, "ambiguous"))
    return found
