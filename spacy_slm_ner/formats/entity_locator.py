"""Places of entities that an answer names by their text."""

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import NamedTuple, Optional, Sequence

from spacy.tokens import Doc

from ..alignment import Located, Mention
from ..alignment.fuzzy import FuzzySearch
from ..alignment.locate import Cursor
from ..types import Span
from .answer_problems import choose_intent, describe
from .base import FoundEntity, ParsedAnswer, labels_by_name
from .placement import NEXT, Placement
from .quoted_tokens import TokenRanges


class NamedEntity(NamedTuple):
    """An entity as an answer names it, and the range of characters of the answer that names it.

    text (str): Its text.
    label (str): Its label.
    occurrence (Optional[int]): Which occurrence of the text is meant, counted from 1; None for the next one.
    start (int): First character.
    end (int): Position after the last character.
    """

    text: str
    label: str
    occurrence: Optional[int]
    start: int
    end: int


class AnswerContent(NamedTuple):
    """The content of an answer, before its entities have places.

    entities (list[NamedEntity]): Entities in the order of the answer.
    intents (list[str]): Intents that it names.
    problems (list[str]): A phrase for each part that could not be used.
    """

    entities: list[NamedEntity]
    intents: list[str]
    problems: list[str]


class EntityLocator:
    """Locates the entities of an answer one after the other.

    A text is searched among whole tokens first, as it is written, and then by the methods of `alignment`, from strict to loose.
    What was found in a looser way is used, and named as a problem with the way.

    doc (Doc): The text.
    labels (Sequence[str]): Entity labels.
    placement (Placement): The policy on places.
    """

    def __init__(self, doc: Doc, labels: Sequence[str], placement: Placement = NEXT) -> None:
        self.doc = doc
        self.labels = labels
        self.placement = placement
        self.by_name = labels_by_name(labels)
        self.ranges = TokenRanges.from_doc(doc)
        self.problems: list[str] = []
        self._found: list[FoundEntity] = []
        # Tokens of entities, with the entity of each.
        self._taken: dict[int, Span] = {}
        # Entities whose other places count as well, by their words as they stand in the text.
        self._everywhere: dict[str, FoundEntity] = {}
        # End of the entity before, as a character.
        self._position = 0

    @property
    def found(self) -> list[FoundEntity]:
        """Entities so far, in the order of the text."""
        return sorted(self._found)

    @cached_property
    def _cursor(self) -> Cursor:
        return Cursor(self.ranges.text)

    @cached_property
    def _fuzzy(self) -> FuzzySearch:
        return FuzzySearch(self.ranges.text, self.ranges.starts, self.ranges.ends)

    def add(self, named: NamedEntity) -> None:
        """Locate an entity, or add the problem why it is not used."""
        if self.placement.mentions == "occurrence" and named.occurrence is None:
            named = named._replace(occurrence=1)
        label = named.label if named.label in self.labels else self.by_name.get(named.label.casefold())
        if label is None:
            self.problems.append(describe("unknown label", named.label, f"of {named.text!r:.40}"))
        elif (place := self._find_exactly(named)) is not None:
            if self._take(Span(*place, label), named):
                self._position = self.ranges.ends[place[1] - 1]
        elif not named.text.strip():
            self.problems.append(describe("malformed", named.text, "no text"))
        else:
            self._find_loosely(named, label)

    def add_other_mentions(self) -> None:
        """Add each free place with the words of an entity that was named without a number, if the policy asks for it."""
        for words, one in self._everywhere.items():
            for start, end in self.ranges.occurrences(words):
                if self._overlapping(Span(start, end, "")) is None:
                    self._put(one._replace(span=Span(start, end, one.span.label)))

    def _find_exactly(self, named: NamedEntity) -> Optional[tuple[int, int]]:
        """Find the range of tokens with a text: the one that is meant, or else the next that is free."""
        for text in dict.fromkeys((named.text, named.text.strip())):
            if named.occurrence is not None:
                place = self.ranges.find(text, named.occurrence)
            else:
                ranges = self.ranges.occurrences(text, self._position)
                place = next((place for place in ranges if self._overlapping(Span(*place, "")) is None), None)
            if place is not None:
                return place
        return None

    def _find_loosely(self, named: NamedEntity, label: str) -> None:
        mention = Mention(tuple(named.text.split()), label, named.occurrence)
        anywhere = self._search(mention, [], 0)
        if anywhere is None and named.occurrence is not None:
            mention = mention._replace(occurrence=None)
            anywhere = self._search(mention, [], 0)
            if anywhere is not None:
                self.problems.append(describe("no such occurrence", named.text, f"number {named.occurrence}"))
                if self.placement.mentions == "occurrence":
                    return
        if anywhere is None:
            self._find_alike(named, label)
            return
        located = self._search(mention, [self._characters(one.span) for one in self._found], self._position)
        # Without a free place, the one that is taken is the problem.
        best = located or anywhere
        if not self._take(self._tokens(best, label), named) or best.span is None:
            return
        if "reordered" not in best.statuses:
            self._position = best.span.end
        statuses: list[str] = [status for status in best.statuses if status != "reordered"]
        # The methods of `alignment` ignore spaces at the ends of words.
        if not statuses and named.text.split() != self.ranges.text[best.span.start : best.span.end].split():
            statuses = ["respaced"]
        if statuses:
            self.problems.append(describe("inexact", named.text, ", ".join(statuses)))

    def _find_alike(self, named: NamedEntity, label: str) -> None:
        """Find a free place whose words are like those of an entity, if the policy admits it."""
        # What is alike cannot be counted.
        is_numbered = self.placement.mentions == "occurrence" and named.occurrence != 1
        taken = [self._characters(one.span)[:2] for one in self._found]
        place = self._fuzzy.find(named.text, self.placement.fuzzy, taken) if self.placement.fuzzy and not is_numbered else None
        if place is None:
            self.problems.append(describe("not in the text", named.text))
        elif self._take(Span(place.start, place.end, label), named):
            self._position = self.ranges.ends[place.end - 1]
            self.problems.append(describe("inexact", named.text, f"fuzzy, {place.similarity:.2f}"))

    def _search(self, mention: Mention, taken: list[Span], position: int) -> Optional[Located]:
        self._cursor.taken, self._cursor.position = taken, position
        return self._cursor.find(mention)

    def _tokens(self, located: Located, label: str) -> Span:
        """Return the tokens that a place touches."""
        start, end, _ = located.span or Span(0, 0, "")
        first, last = bisect_right(self.ranges.ends, start), bisect_left(self.ranges.starts, end)
        return Span(first, last, label) if first < last else Span(0, 0, label)

    def _characters(self, span: Span) -> Span:
        return Span(self.ranges.starts[span.start], self.ranges.ends[span.end - 1], span.label)

    def _overlapping(self, span: Span) -> Optional[Span]:
        return next((self._taken[i] for i in range(span.start, span.end) if i in self._taken), None)

    def _take(self, span: Span, named: NamedEntity) -> bool:
        """Add an entity if its place is free. RETURNS (bool): Whether it is."""
        taken = self._overlapping(span)
        if taken is not None:
            self.problems.append(describe("duplicate" if taken == span else "overlap", named.text))
            return False
        one = FoundEntity(span, named.start, named.end)
        self._put(one)
        if self.placement.mentions == "all" and named.occurrence is None:
            self._everywhere.setdefault(self.ranges.string(span.start, span.end), one)
        return True

    def _put(self, one: FoundEntity) -> None:
        self._found.append(one)
        self._taken |= dict.fromkeys(range(one.span.start, one.span.end), one.span)


def locate_content(
    content: AnswerContent, doc: Doc, labels: Sequence[str], intents: Sequence[str], placement: Placement = NEXT
) -> ParsedAnswer:
    """Locate the entities of an answer, and choose its intent.

    content (AnswerContent): The content of the answer.
    doc (Doc): The text.
    labels (Sequence[str]): Entity labels.
    intents (Sequence[str]): Intents of the format.
    placement (Placement): The policy on places.
    """
    locator = EntityLocator(doc, labels, placement)
    for named in content.entities:
        locator.add(named)
    locator.add_other_mentions()
    intent, problems = choose_intent(content.intents, tuple(intents))
    # Where there is no answer, that alone is the problem.
    is_answer = not any(one.startswith("no answer") for one in content.problems)
    return ParsedAnswer(locator.found, intent, [*content.problems, *locator.problems, *(problems if is_answer else ())])
