"""The grammar of an answer that is a JSON list of strings of the text."""

from dataclasses import dataclass
from typing import Optional, Sequence

from ..constraints.grammar import Edge, State
from .quoted_tokens import QuotedTokens, TokenRanges

START, END, SEPARATOR = "[", "]", ", "


def item(written: str, occurrence: Optional[int]) -> str:
    """Write an item. occurrence (Optional[int]): Number of its place; None for the next one."""
    return '"' + written + item_end(occurrence)


def item_end(occurrence: Optional[int]) -> str:
    """Write what follows the text of an item."""
    return '"' if occurrence is None else f'"{SEPARATOR}{occurrence}'


@dataclass(frozen=True)
class StringListGrammar:
    """Grammar of the list.

    States: ("start", 0), before anything; ("items", position), after an item; ("first", position), before a text; ("inside", end,
    start, position), after some of its tokens, without a start if none from the position on has this text before it; ("done",
    tokens), after everything.

    tokens (QuotedTokens): Tokens of the text.
    ranges (TokenRanges): Places of strings among them.
    """

    tokens: QuotedTokens
    ranges: TokenRanges

    @property
    def start(self) -> State:
        return ("start", 0)

    def occurrence(self, start: int, end: int, position: int) -> Optional[int]:
        """Return the number of a range among those with its text; None if it is the next one from a position on."""
        return None if self.ranges.is_next(start, end, position) else self.ranges.occurrence(start, end)

    def edges(self, state: State) -> Sequence[Edge]:
        match state:
            case ("start", _):
                # Whether there is an entity is decided with the bracket.
                return [Edge(START + END, ("done", len(self.tokens))), *self._first(START, 0)]
            case ("items", int(position)):
                return [Edge(END, ("done", len(self.tokens))), *self._first(SEPARATOR, position)]
            case ("first", int(position)):
                return [Edge(self.tokens.words[i], self._after(i, i + 1, position)) for i in self.tokens.may_begin(position)]
            case ("inside", int(end), start, int(position)):
                return self._inside(start, end, position)
            case ("done", _):
                return []
        raise ValueError(f"Got the state {state!r}, which this grammar does not have.")

    def _first(self, before: str, position: int) -> list[Edge]:
        return [Edge(f'{before}"', ("first", position))] if self.tokens.may_begin(position) else []

    def _after(self, start: Optional[int], end: int, position: int) -> State:
        """Return the state after some tokens of an entity, of which an earlier place may have the text, or not."""
        first = None if start is None else self.ranges.earlier(start, end, position)
        return ("inside", end, None, end) if first is None else ("inside", end, start, first)

    def _inside(self, start: Optional[int], end: int, position: int) -> list[Edge]:
        edges = []
        if self.tokens.may_end(end):
            occurrence = None if start is None else self.occurrence(start, end, position)
            edges.append(Edge(item_end(occurrence), ("items", end)))
        following = self.tokens.next_written(end)
        if following is not None:
            edges.append(Edge(following, self._after(start, end + 1, position)))
        return edges

    def may_end(self, state: State) -> bool:
        return state[0] == "done"
