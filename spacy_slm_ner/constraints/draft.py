"""Drafts of answers, which a model only has to verify."""

from typing import Iterator

from .grammar import Edge, Grammar, State, find_path


class Draft:
    """A proposed answer, for any state that the true answer may reach.

    Speculative decoding (Leviathan et al. 2023) with a draft that is known as a whole. Where the answer leaves the draft, the
    proposal resumes as soon as the answer is back at one of its positions.

    grammar (Grammar): Grammar of the answers.
    text (str): The proposed answer. A text that the grammar cannot write proposes nothing.
    start (int): Character at which the proposal begins.
    """

    def __init__(self, grammar: Grammar, text: str, start: int = 0) -> None:
        self.grammar = grammar
        # Proposed segments and ends, by state and by position.
        self._segments: dict[State, str] = {}
        self._ends: set[State] = set()
        path = find_path(grammar, text) or []
        state, written = grammar.start, 0
        for edge in path:
            if written >= start:
                self._segments[state] = edge.text
                self._segments.setdefault(position(state), edge.text)
            state, written = edge.target, written + len(edge.text)
        if path or not text:
            self._ends = {state, position(state)}

    def edges(self, state: State) -> Iterator[Edge]:
        """Iterate over the proposed edges from a state on."""
        while (segment := self._segments.get(state, self._segments.get(position(state)))) is not None:
            edge = next((edge for edge in self.grammar.edges(state) if edge.text == segment), None)
            if edge is None:
                return
            yield edge
            state = edge.target

    def ends(self, state: State) -> bool:
        """Whether the draft proposes the end of the answer in a state."""
        return (state in self._ends or position(state) in self._ends) and self.grammar.may_end(state)


def position(state: State) -> State:
    """Return the position of a state in the text, whatever the answer says about the text before it."""
    return state[:2]
