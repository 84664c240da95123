"""Grammars of answers, over text.

A grammar is a nondeterministic automaton that is never built as a whole: its states are made when they are reached, and each
edge writes a segment of text, or is silent: it is chosen, and leaves no trace. Segments are also the units of tokenization, in
training and in decoding: a text is encoded segment by segment, so the pieces of a target are exactly those that the constraint
allows.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional, Protocol, Sequence

from .linked_list import LinkedList, items_of

# Kind of the state, position in the text (if it has one), and more. A draft relies on the first two.
State = tuple[Any, ...]


class Edge(NamedTuple):
    """A transition that writes a segment.

    text (str): The segment; empty if the edge is silent.
    target (State): State after it.
    choice (str): What is chosen for a silent edge: it is decided on like other segments, but neither written nor read.
    """

    text: str
    target: State
    choice: str = ""

    @property
    def chosen(self) -> str:
        """What is decided on: the choice of a silent edge, the segment of any other."""
        return self.choice or self.text


class Grammar(Protocol):
    """An automaton over segments of text."""

    @property
    def start(self) -> State:
        """State before anything is written."""
        ...

    def edges(self, state: State) -> Sequence[Edge]:
        """Return the edges from a state. If different paths write the same text, the text has the same meaning by each."""
        ...

    def may_end(self, state: State) -> bool:
        """Whether the text may end in a state. It may in every state without edges."""
        ...


@dataclass(frozen=True)
class CachedGrammar:
    """A grammar that computes the edges of a state once, because drafts, proposals and guides ask for them again.

    grammar (Grammar): The grammar itself.
    """

    grammar: Grammar
    _edges: dict[State, Sequence[Edge]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def start(self) -> State:
        return self.grammar.start

    def edges(self, state: State) -> Sequence[Edge]:
        edges = self._edges.get(state)
        if edges is None:
            edges = self._edges[state] = self.grammar.edges(state)
        return edges

    def may_end(self, state: State) -> bool:
        return self.grammar.may_end(state)


def find_path(grammar: Grammar, text: str) -> Optional[list[Edge]]:
    """Find the edges that write a text, by depth-first search.

    grammar (Grammar): The grammar.
    text (str): The whole text.
    RETURNS (Optional[list[Edge]]): Edges in order, None if the grammar cannot write the text.
    """
    stack: list[tuple[State, int, Optional[LinkedList[Edge]]]] = [(grammar.start, 0, None)]
    while stack:
        state, written, path = stack.pop()
        if written == len(text) and grammar.may_end(state):
            return items_of(path)
        for edge in grammar.edges(state):
            if text.startswith(edge.text, written):
                stack.append((edge.target, written + len(edge.text), LinkedList(edge, path)))
    return None
