"""Drafts of answers, which a model only has to verify."""

from typing import Callable, Iterator, Optional

from .grammar import Edge, Grammar, State, find_path


class Draft:
    """A proposed answer, for any state that the true answer may reach.

    Speculative decoding (Leviathan et al. 2023) with a draft that is known as a whole. Where the answer leaves the draft, the
    proposal resumes as soon as the answer is back at one of its positions.

    grammar (Grammar): Grammar of the answers.
    text (str): The proposed answer. A text that the grammar cannot write proposes nothing.
    start (int): Character at which the proposal begins.
    doubts (Callable[[str], bool]): Whether the true answer may well leave the draft behind a segment. A proposal rather ends
        there, as what is proposed behind a wrong piece is read in vain.
    """

    def __init__(
        self, grammar: Grammar, text: str, start: int = 0, doubts: Callable[[str], bool] = lambda segment: False
    ) -> None:
        self.grammar = grammar
        self.doubts = doubts
        # Proposed edges by state, and first proposed segment by position.
        self._edges: dict[State, Edge] = {}
        self._segments: dict[State, str] = {}
        self._ends: set[State] = set()
        path = find_path(grammar, text) or []
        state, written = grammar.start, 0
        for edge in path:
            if written >= start:
                self._edges[state] = edge
                self._segments.setdefault(position(state), edge.text)
            state, written = edge.target, written + len(edge.text)
        if path or not text:
            self._ends = {state, position(state)}

    def edges(self, state: State) -> Iterator[Edge]:
        """Iterate over the proposed edges from a state on."""
        while (edge := self._edges.get(state) or self._edge_by_position(state)) is not None:
            yield edge
            state = edge.target

    def _edge_by_position(self, state: State) -> Optional[Edge]:
        """Find the edge that writes the segment of the draft at the position of a state that the draft does not pass."""
        segment = self._segments.get(position(state))
        return next((edge for edge in self.grammar.edges(state) if edge.text == segment), None)

    def ends(self, state: State) -> bool:
        """Whether the draft proposes the end of the answer in a state."""
        return (state in self._ends or position(state) in self._ends) and self.grammar.may_end(state)


def position(state: State) -> State:
    """Return the position of a state in the text, whatever the answer says about the text before it."""
    return state[:2]
