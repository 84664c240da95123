"""A proposed answer, which a model only has to agree with."""

from typing import Iterator

from .grammar import Edge, Grammar, State, find_path


class Draft:
    """What is proposed to be written next, in whatever state the true answer has come to.

    Speculative decoding (Leviathan et al. 2023) with a draft that is known as a whole: where the answer leaves it, the
    proposal goes on as soon as the answer is back in one of its places.

    grammar (Grammar): What may be written.
    text (str): The proposed answer; one that the grammar cannot write proposes nothing.
    start (int): What stands before this character is not proposed.
    """

    def __init__(self, grammar: Grammar, text: str, start: int = 0) -> None:
        self.grammar = grammar
        self._texts: dict[State, str] = {}
        self._ends: set[State] = set()
        state, position = grammar.start, 0
        path = find_path(grammar, text) or []
        for edge in path:
            if position >= start:
                self._texts[state] = edge.text
                self._texts.setdefault(place(state), edge.text)
            state, position = edge.target, position + len(edge.text)
        if path or not text:
            self._ends = {state, place(state)}

    def edges(self, state: State) -> Iterator[Edge]:
        """What is proposed from a state on."""
        while (text := self._texts.get(state, self._texts.get(place(state)))) is not None:
            edge = next((edge for edge in self.grammar.edges(state) if edge.text == text), None)
            if edge is None:
                return
            yield edge
            state = edge.target

    def ends(self, state: State) -> bool:
        """Whether the end of the answer is proposed in a state."""
        return (state in self._ends or place(state) in self._ends) and self.grammar.may_end(state)


def place(state: State) -> State:
    """Where in the text a state is, whatever was said about what stands before."""
    return state[:2]
