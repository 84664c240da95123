"""What may be written next, as text.

A grammar is a graph that is never built: its states are made when they are reached, and each edge writes a segment of
text. Segments are the unit of tokenization as well: a text is turned into piece ids segment by segment, in training and in
decoding alike, so that the pieces of a target are exactly those that the constraint allows.
"""

from dataclasses import dataclass, field
from typing import Any, Iterator, NamedTuple, Optional, Protocol, Sequence

State = tuple[Any, ...]


class Edge(NamedTuple):
    """One thing that may be written.

    text (str): Segment, never empty.
    target (State): The state that it leads to.
    """

    text: str
    target: State


class Grammar(Protocol):
    """What may be written, from a start to one of many ends."""

    @property
    def start(self) -> State:
        """State before anything is written."""
        ...

    def edges(self, state: State) -> Sequence[Edge]:
        """All that may be written in a state. Two ways to write the same text must mean the same."""
        ...

    def may_end(self, state: State) -> bool:
        """Whether the text may end in a state. A state without edges must be one."""
        ...


@dataclass(frozen=True)
class CachedGrammar:
    """A grammar whose edges are made once, because a draft, its proposals and a walk ask for the same ones.

    grammar (Grammar): The grammar itself.
    """

    grammar: Grammar
    _edges: dict[State, Sequence[Edge]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def start(self) -> State:
        return self.grammar.start

    def edges(self, state: State) -> Sequence[Edge]:
        found = self._edges.get(state)
        if found is None:
            found = self._edges[state] = self.grammar.edges(state)
        return found

    def may_end(self, state: State) -> bool:
        return self.grammar.may_end(state)


def find_path(grammar: Grammar, text: str) -> Optional[list[Edge]]:
    """The edges that write a text, None if the grammar cannot write it.

    Depth first; a grammar whose edges part early needs no second try.
    """
    stack: list[tuple[State, int, Optional[tuple]]] = [(grammar.start, 0, None)]
    while stack:
        state, position, trail = stack.pop()
        if position == len(text) and grammar.may_end(state):
            return list(unwind(trail))[::-1]
        for edge in grammar.edges(state):
            if text.startswith(edge.text, position):
                stack.append((edge.target, position + len(edge.text), (edge, trail)))
    return None


def unwind(trail: Optional[tuple]) -> Iterator[Edge]:
    while trail is not None:
        edge, trail = trail
        yield edge
