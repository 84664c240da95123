"""Guides: which piece ids may come next, and which segments were written with which probability.

A `GrammarGuide` simulates a nondeterministic automaton by a set of threads (Thompson 1968). The pieces of one segment may begin
those of another, and byte-level pieces may hold half a character, so a piece can belong to several segments until a later piece
decides between them.
"""

from itertools import accumulate
from typing import Callable, Iterator, NamedTuple, Optional, Protocol, Sequence

from .draft import Draft
from .grammar import Edge, Grammar, State
from .linked_list import LinkedList, items_of

Encode = Callable[[str], Sequence[int]]


class ScoredSegment(NamedTuple):
    """A segment of an answer and its probability.

    edge (Edge): Edge that wrote it.
    logprob (float): Sum of the natural logarithms of the probabilities of its pieces, each among the allowed ones.
    """

    edge: Edge
    logprob: float


class Answer(NamedTuple):
    """A decoded answer.

    text (str): The text.
    path (tuple[ScoredSegment, ...]): Its segments in order; where decoding was free, its lines. Empty if no probability is known.
    complete (bool): False if the text was cut off at the limit of pieces.
    problems (tuple[str, ...]): A phrase for each reason why there is no answer, or only a part.
    too_long (bool): Whether the request did not fit into the context of the model, so that a part of the text may.
    """

    text: str
    path: tuple[ScoredSegment, ...] = ()
    complete: bool = True
    problems: tuple[str, ...] = ()
    too_long: bool = False

    def logprob(self, start: int, end: int) -> Optional[float]:
        """Sum the log-probabilities of the segments that overlap a range of characters.

        start (int): First character.
        end (int): Position after the last character.
        RETURNS (Optional[float]): The sum, 0.0 or less; None if no probability is known.
        """
        if not self.path:
            return None
        segment_ends = accumulate(len(segment.edge.text) for segment in self.path)
        return sum(
            segment.logprob
            for segment, segment_end in zip(self.path, segment_ends)
            if segment_end - len(segment.edge.text) < end and start < segment_end
        )


class Guide(Protocol):
    """Constraint of one sequence while it is decoded, and record of its answer."""

    @property
    def done(self) -> bool:
        """Whether the text has ended."""
        ...

    def allowed(self) -> Optional[Sequence[int]]:
        """Return the piece ids that may come next, sorted; None for any."""
        ...

    def step(self, piece: int, logprob: float) -> bool:
        """Write a piece.

        piece (int): One of the allowed pieces.
        logprob (float): Natural logarithm of its probability among the allowed pieces.
        RETURNS (bool): Whether the piece is a part of the text, which the model reads on from.
        """
        ...

    def propose(self, draft: Draft, min_pieces: int, max_pieces: int) -> list[int]:
        """Return the next pieces by a draft.

        draft (Draft): Draft of the answer.
        min_pieces (int): Number of pieces after which no other segment is begun behind a doubtful one.
        max_pieces (int): Number of pieces after which no other segment is begun.
        RETURNS (list[int]): Proposed pieces; none where the answer has left the draft.
        """
        ...

    def answer(self) -> Answer:
        """Return the answer, once the text has ended."""
        ...


class Thread(NamedTuple):
    """One segmentation of the pieces written so far.

    edge (Optional[Edge]): Edge of the current segment, None for the end of the text.
    pieces (tuple[int, ...]): Piece ids of that segment.
    position (int): How many of them are written.
    logprob (float): Sum of their log-probabilities.
    path (Optional[LinkedList[ScoredSegment]]): Segments before it.
    """

    edge: Optional[Edge]
    pieces: tuple[int, ...]
    position: int
    logprob: float
    path: Optional[LinkedList[ScoredSegment]]


class GrammarGuide:
    """Guide by a grammar.

    grammar (Grammar): Grammar of the answers.
    encode (Encode): Tokenizer of a segment, with at least one piece id for each.
    end (int): Piece that ends a text.
    """

    def __init__(self, grammar: Grammar, encode: Encode, end: int) -> None:
        self.grammar = grammar
        self.encode = encode
        self.end = end
        self.done = False
        # Last state that all threads have passed, and the pieces after it.
        self._state = grammar.start
        self._pieces_after_state: list[int] = []
        self._path: Optional[LinkedList[ScoredSegment]] = None
        self._threads = list(self._enter(grammar.start, None))
        self._allowed: Optional[Sequence[int]] = None

    def _enter(self, state: State, path: Optional[LinkedList[ScoredSegment]]) -> Iterator[Thread]:
        """Start a thread for each edge from a state, and one for the end of the text."""
        for edge in self.grammar.edges(state):
            yield Thread(edge, tuple(self.encode(edge.chosen)), 0, 0.0, path)
        if self.grammar.may_end(state):
            yield Thread(None, (self.end,), 0, 0.0, path)

    def allowed(self) -> Sequence[int]:
        if self._allowed is None:
            self._allowed = sorted({thread.pieces[thread.position] for thread in self._threads})
        return self._allowed

    def step(self, piece: int, logprob: float = 0.0) -> bool:
        """Write a piece.

        piece (int): One of the allowed pieces.
        logprob (float): Natural logarithm of its probability among the allowed pieces, 0.0 if it is the only one.
        RETURNS (bool): Whether it is a part of the text.
        RAISES (ValueError): If the piece is not allowed.
        """
        matching = [
            Thread(edge, pieces, position + 1, sum_before + logprob, path)
            for edge, pieces, position, sum_before, path in self._threads
            if pieces[position] == piece
        ]
        if not matching:
            raise ValueError(f"Got the piece {piece}, allowed are {self.allowed()}.")
        self._pieces_after_state.append(piece)
        if len(matching) == 1 and matching[0].edge is not None and matching[0].position == len(matching[0].pieces):
            self._state, self._pieces_after_state = matching[0].edge.target, []
        self._threads = [successor for thread in matching for successor in self._advance(thread)]
        self._allowed = None
        return not any(thread.edge is not None and thread.edge.choice for thread in matching)

    def _advance(self, thread: Thread) -> Iterator[Thread]:
        """Continue a thread: itself within a segment, or threads of the next segments after it."""
        if thread.position < len(thread.pieces):
            yield thread
        elif thread.edge is None:
            self.done = True
            self._path = self._path or thread.path
        else:
            segment = ScoredSegment(thread.edge, thread.logprob)
            yield from self._enter(thread.edge.target, LinkedList(segment, thread.path))

    def propose(self, draft: Draft, min_pieces: int, max_pieces: int) -> list[int]:
        pieces: list[int] = []
        state, written, is_doubtful = self._state, len(self._pieces_after_state), False
        for edge in draft.edges(state):
            if len(pieces) - written >= (min_pieces if is_doubtful else max_pieces):
                break
            pieces += self.encode(edge.text)
            # Behind a silent edge the doubt is the same.
            is_doubtful = draft.doubts(edge.text) if edge.text else is_doubtful
            state = edge.target
        else:
            pieces += [self.end] if draft.ends(state) else []
        return pieces[written:] if pieces[:written] == self._pieces_after_state else []

    def answer(self) -> Answer:
        path = items_of(self._path)
        return Answer("".join(segment.edge.text for segment in path), tuple(path), self.done)


class FreeGuide:
    """Guide without a constraint, up to a number of pieces. The segments of its answer are lines.

    decode (Callable[[Sequence[int]], str]): Detokenizer.
    end (int): Piece that ends a text.
    limit (int): Largest number of pieces.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], end: int, limit: int) -> None:
        self.decode = decode
        self.end = end
        self.limit = limit
        self._pieces: list[int] = []
        self._logprobs: list[float] = []
        self._ended = False

    @property
    def done(self) -> bool:
        return self._ended or len(self._pieces) >= self.limit

    def allowed(self) -> None:
        return None

    def step(self, piece: int, logprob: float = 0.0) -> bool:
        self._ended = piece == self.end
        if not self._ended:
            self._pieces.append(piece)
            self._logprobs.append(logprob)
        return True

    def propose(self, draft: Draft, min_pieces: int, max_pieces: int) -> list[int]:
        return []

    def answer(self) -> Answer:
        path = tuple(self._lines())
        return Answer("".join(segment.edge.text for segment in path), path, self._ended)

    def _lines(self) -> Iterator[ScoredSegment]:
        """Split the answer after each piece with a line break, which may also hold the start of the next line."""
        start = 0
        for end in range(1, len(self._pieces) + 1):
            if end == len(self._pieces) or "\n" in self.decode(self._pieces[end - 1 : end]):
                yield ScoredSegment(Edge(self.decode(self._pieces[start:end]), ()), sum(self._logprobs[start:end]))
                start = end
