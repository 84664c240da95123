"""Locate the words of entities in their text.

Language models copy words, they do not count characters. So the words come without offsets, in text order, and a cursor
moves over the text from left to right: an entity is searched as a whole after the one before it, first as written, then by
ever looser methods. To find all occurrences would be wrong: "Move the 4 PM call on May 4" has two `4`.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Iterator, NamedTuple, Optional, Sequence

from ..types import Span
from .folding import Folded, fold_loosely
from .search import INSIDE_WORDS, WHOLE_WORDS, SearchMethod, Status, find_ranges, words_pattern


class Mention(NamedTuple):
    """An entity as the words that were copied from the text.

    words (tuple[str, ...]): Words in text order.
    label (str): Entity label.
    occurrence (Optional[int]): Which occurrence of the words in the text is meant, counted from 1; None where the order of
        the entities decides.
    """

    words: tuple[str, ...]
    label: str
    occurrence: Optional[int] = None


class Located(NamedTuple):
    """A mention with its position.

    words (tuple[str, ...]): The words that were searched.
    span (Optional[Span]): Range of characters; None if the words were not found.
    statuses (tuple[Status, ...]): How it was found, if not as written:
        joined: punctuation stands between the words ("Tuesday, August 28th" from "Tuesday", "August", "28th").
        folded: case, quote mark, dash, kind of space, normal or compatibility form, or invisible characters differ.
        respaced: spaces differ inside a word ("john @ gmail .com" for "john@gmail.com").
        reordered: it stands before the entity that precedes it in the list.
        inside_word: it stands inside a longer word only (`서울` in `서울에서`); see `is_plausible_inside_word`.
        split: the words do not stand together; this is one group of them.
        ambiguous: the same words stand elsewhere in the text, outside any entity; the first place was taken.
        missing: not in the text.
    """

    words: tuple[str, ...]
    span: Optional[Span]
    statuses: tuple[Status, ...] = ()


@dataclass
class Cursor:
    """A position in a text that moves from entity to entity.

    text (str): The text.
    folded (Folded): The folded text.
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
        """Locate the words of a mention together, and move to their end."""
        if mention.occurrence is not None:
            return self._find_occurrence(mention, mention.occurrence)
        for methods in (WHOLE_WORDS, INSIDE_WORDS):
            for start, order in ((self.position, ()), (0, ("reordered",))):
                for ranges, statuses in self._search(mention, methods, start):
                    for first, last in ranges:
                        span = Span(first, last, mention.label)
                        if self._is_free(span):
                            return self._advance(mention, span, (*statuses, *order))
        return None

    def _search(
        self, mention: Mention, methods: Sequence[SearchMethod], start: int = 0
    ) -> Iterator[tuple[Iterator[tuple[int, int]], tuple[Status, ...]]]:
        """Search the words by methods from strict to loose.

        YIELDS (tuple[Iterator[tuple[int, int]], tuple[Status, ...]]): Ranges that a method finds, and their statuses.
        """
        for method in methods:
            if not method.folded:
                if all(needle in self._squeezed for needle in method.needles(mention.words)):
                    yield find_ranges(method.pattern(mention.words), self.text, start, method.inside), method.statuses
                continue
            words = [fold_loosely(word).text for word in mention.words]
            if all(word.strip() for word in words) and all(one in self._folded_squeezed for one in method.needles(words)):
                place = self.folded.position(start)
                ranges = find_ranges(method.pattern(words), self.folded.text, place, method.inside, folded=True)
                yield self._unfolded(ranges), method.statuses

    @cached_property
    def _squeezed(self) -> str:
        """The text without white space."""
        return "".join(self.text.split())

    @cached_property
    def _folded_squeezed(self) -> str:
        return "".join(self.folded.text.split())

    def _unfolded(self, ranges: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Map ranges of the folded text to ranges of the text."""
        return (place for first, last in ranges if (place := self.folded.range(first, last)) is not None)

    def _is_free(self, span: Span) -> bool:
        """Whether a range overlaps no entity located so far."""
        return not any(span.overlaps(other) for other in self.taken)

    def _find_occurrence(self, mention: Mention, occurrence: int) -> Optional[Located]:
        """Locate the n-th occurrence of the words."""
        for places, statuses in self._search(mention, (*WHOLE_WORDS, *INSIDE_WORDS)):
            ranges = list(places)
            if occurrence <= len(ranges):
                span = Span(*ranges[occurrence - 1], mention.label)
                return self._advance(mention, span, statuses) if self._is_free(span) else None
        return None

    def _advance(self, mention: Mention, span: Span, statuses: tuple[Status, ...]) -> Located:
        """Add an entity, and move to its end."""
        self.taken.append(span)
        if "reordered" not in statuses:
            self.position = span.end
        return Located(mention.words, span, statuses)

    def is_ambiguous(self, mention: Mention) -> bool:
        """Whether the words also stand outside all entities, and nothing says which occurrence is meant."""
        if mention.occurrence is not None:
            return False
        return any(self._is_free(Span(*place, "")) for place in find_ranges(words_pattern(mention.words), self.text))


def split_mention(cursor: Cursor, mention: Mention) -> Iterator[tuple[Mention, Optional[Located]]]:
    """Locate a mention, or the longest groups of its words that stand together.

    A mention with an occurrence is never split: if it is not there, no group of its words is searched elsewhere.
    """
    words, groups = mention.words, 0
    if not words:
        yield mention, None
    while words:
        for length in range(len(words), 0, -1):
            group = mention._replace(words=words[:length])
            found = cursor.find(group)
            if found is not None or length == 1 or mention.occurrence is not None:
                break
        words = words[length:]
        groups += 1
        if found is not None and (groups > 1 or words):
            found = found._replace(statuses=(*found.statuses, "split"))
        yield group, found


def locate(text: str, mentions: Sequence[Mention]) -> list[Located]:
    """Locate mentions in a text by a cursor that moves from left to right.

    text (str): The text.
    mentions (Sequence[Mention]): Entities in text order.
    RETURNS (list[Located]): At least one for each mention, in the order of the mentions; ranges never overlap. A mention whose
        words do not stand together gives one for each group of them. Words of white space are ignored.
    """
    cursor = Cursor(text)
    visible = [mention._replace(words=tuple(filter(str.strip, mention.words))) for mention in mentions]
    pairs = [pair for mention in visible for pair in split_mention(cursor, mention)]
    return [add_final_statuses(cursor, group, found) for group, found in pairs]


def add_final_statuses(cursor: Cursor, mention: Mention, found: Optional[Located]) -> Located:
    """Add the statuses that are known only when all mentions are located."""
    if found is None:
        return Located(mention.words, None, ("missing",))
    if cursor.is_ambiguous(mention):
        return found._replace(statuses=(*found.statuses, "ambiguous"))
    return found
