"""Where in a text do the words of its entities stand?

Language models copy words, they do not count characters. So the words come without offsets, in text order, and a cursor
moves over the text from left to right: an entity is searched as a whole behind the one before it, first as written, then in
ever looser ways. "Find all" would be wrong: "Move the 4 PM call on May 4" has two `4`.
"""

import re
from dataclasses import dataclass, field
from typing import Callable, Iterator, Literal, NamedTuple, Optional, Sequence

from ..types import Span
from .folding import fold

Status = Literal["joined", "folded", "respaced", "reordered", "split", "ambiguous", "missing"]


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
        folded: case, quote mark, dash or kind of space differs.
        respaced: spaces differ inside a word ("john @ gmail .com" for "john@gmail.com").
        reordered: it stands before the entity that precedes it in the list.
        split: the words do not stand together, this is one part of them.
        ambiguous: the same words stand elsewhere in the text, outside any entity; the first place was taken.
        missing: not in the text.
    """

    words: tuple[str, ...]
    span: Optional[Span]
    statuses: tuple[Status, ...] = ()


def words_pattern(words: Sequence[str]) -> str:
    """Regular expression of the words with free white space between any two; any white space matches any other."""
    return r"\s*".join(r"\s+".join(map(re.escape, word.split())) for word in words)


def joined_pattern(words: Sequence[str]) -> str:
    """Regular expression of the words with up to three characters of punctuation and space between any two.

    Punctuation in front of a word counts as part of the gap. So every gap is followed by a word character, which a gap
    cannot hold: there is one way to match, and no backtracking over long runs of punctuation.
    """
    first, *rest = words
    cores = [core for word in rest if (core := re.sub(r"^\W+", "", word))]
    return r"\W{1,3}".join(map(words_pattern, [[first], *([core] for core in cores)]))


def respaced_pattern(words: Sequence[str]) -> str:
    """Regular expression of the characters of the words with free white space between any two."""
    return r"\s*".join(re.escape(char) for word in words for char in word if not char.isspace())


# From strict to loose: pattern, whether to search the folded text, and what to say of a match.
WAYS: tuple[tuple[Callable[[Sequence[str]], str], bool, tuple[Status, ...]], ...] = (
    (words_pattern, False, ()),
    (joined_pattern, False, ("joined",)),
    (words_pattern, True, ("folded",)),
    (joined_pattern, True, ("folded", "joined")),
    (respaced_pattern, True, ("respaced",)),
)


def is_boundary(text: str, position: int) -> bool:
    """Whether a word may begin or end here: not between two letters and not between two digits."""
    if not 0 < position < len(text):
        return True
    left, right = text[position - 1], text[position]
    return not ((left.isalpha() and right.isalpha()) or (left.isdigit() and right.isdigit()))


def find_ranges(pattern: str, text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Ranges of whole words that match, left to right."""
    for match in re.finditer(pattern, text[start:]) if pattern else ():
        first, last = match.start() + start, match.end() + start
        if first < last and is_boundary(text, first) and is_boundary(text, last):
            yield first, last


@dataclass
class Cursor:
    """The text, what of it is taken, and how far the search has come.

    text (str): The text.
    folded (str): The same, folded.
    taken (list[Span]): Entities located so far.
    position (int): End of the entity located last.
    """

    text: str
    folded: str = field(init=False)
    taken: list[Span] = field(default_factory=list)
    position: int = 0

    def __post_init__(self) -> None:
        self.folded = fold(self.text)

    def find(self, mention: Mention) -> Optional[Located]:
        """Locate all words of a mention together and move behind them."""
        if mention.occurrence is not None:
            return self._find_occurrence(mention, mention.occurrence)
        for start, order in ((self.position, ()), (0, ("reordered",))):
            for pattern, on_folded, statuses in WAYS:
                text = self.folded if on_folded else self.text
                words = [fold(word) for word in mention.words] if on_folded else mention.words
                for first, last in find_ranges(pattern(words), text, start):
                    span = Span(first, last, mention.label)
                    if not any(span.overlaps(other) for other in self.taken):
                        return self._take(mention, span, (*statuses, *order))
        return None

    def _find_occurrence(self, mention: Mention, occurrence: int) -> Optional[Located]:
        ranges = list(find_ranges(words_pattern(mention.words), self.text))
        if not 1 <= occurrence <= len(ranges):
            return None
        span = Span(*ranges[occurrence - 1], mention.label)
        if any(span.overlaps(other) for other in self.taken):
            return None
        return self._take(mention, span, ())

    def _take(self, mention: Mention, span: Span, statuses: tuple[Status, ...]) -> Located:
        self.taken.append(span)
        if "reordered" not in statuses:
            self.position = span.end
        return Located(mention.words, span, statuses)

    def is_ambiguous(self, mention: Mention) -> bool:
        """Whether the words also stand where no entity does, and nothing says which place is meant."""
        if mention.occurrence is not None:
            return False
        for first, last in find_ranges(words_pattern(mention.words), self.text):
            if not any(Span(first, last, "").overlaps(other) for other in self.taken):
                return True
        return False


def split_mention(cursor: Cursor, mention: Mention) -> Iterator[tuple[Mention, Optional[Located]]]:
    """Locate a mention; where its words do not stand together, locate the longest parts that do."""
    words, parts = mention.words, 0
    while words:
        for length in range(len(words), 0, -1):
            part = mention._replace(words=words[:length])
            found = cursor.find(part)
            if found is not None or length == 1:
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
    RETURNS (list[Located]): At least one for each mention, in the order of the mentions; ranges never overlap. A mention
        whose words do not stand together gives one for each part.
    """
    cursor = Cursor(text)
    pairs = [pair for mention in mentions for pair in split_mention(cursor, mention)]
    result = []
    for part, found in pairs:
        if found is None:
            result.append(Located(part.words, None, ("missing",)))
        elif cursor.is_ambiguous(part):
            result.append(found._replace(statuses=(*found.statuses, "ambiguous")))
        else:
            result.append(found)
    return result
