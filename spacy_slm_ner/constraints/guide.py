"""A grammar over piece ids: which pieces may come next, and what was written with which probability.

The guide is a nondeterministic automaton simulated by its set of threads (Thompson 1968): the pieces of one segment may
begin those of another, and byte-level pieces may hold half a character, so a piece can belong to several segments until a
later one tells.
"""

from itertools import accumulate
from typing import Callable, Iterator, NamedTuple, Optional, Protocol, Sequence

from .draft import Draft
from .grammar import Edge, Grammar, State

Encode = Callable[[str], Sequence[int]]


class Written(NamedTuple):
    """One segment that was written.

    edge (Edge): The edge of the grammar.
    logprob (float): Sum of the natural logarithms of the probabilities of its decisions, renormalised over the allowed pieces.
    """

    edge: Edge
    logprob: float


class Answer(NamedTuple):
    """A finished text.

    text (str): What was written.
    path (tuple[Written, ...]): Its segments in order; empty where decoding was free.
    complete (bool): False if the text was cut off at the limit of pieces.
    """

    text: str
    path: tuple[Written, ...] = ()
    complete: bool = True

    def logprob(self, start: int, end: int) -> float:
        """Sum the log-probabilities of all decisions that wrote a range of characters.

        RETURNS (float): Over the segments that the range touches, 0.0 or less.
        """
        ends = accumulate(len(written.edge.text) for written in self.path)
        places = ((written, last - len(written.edge.text), last) for written, last in zip(self.path, ends))
        touched = (written.logprob for written, first, last in places if first < end and start < last)
        return sum(touched)


class Guide(Protocol):
    """One sequence on its way."""

    @property
    def done(self) -> bool:
        """Whether the text has ended."""
        ...

    def allowed(self) -> Optional[Sequence[int]]:
        """Piece ids that may come next, sorted; None for any."""
        ...

    def step(self, piece: int, logprob: float) -> None:
        """Write a piece."""
        ...

    def propose(self, draft: Draft, most: int) -> list[int]:
        """The next pieces that a draft proposes.

        most (int): Number of pieces after which no other segment is begun.
        """
        ...

    def answer(self) -> Answer:
        """What was written."""
        ...


class Thread(NamedTuple):
    """One way to read what was written so far.

    edge (Optional[Edge]): The segment under way, None for the end of the text.
    pieces (tuple[int, ...]): Piece ids of that segment.
    position (int): How many of them are written.
    logprob (float): Sum over the decisions inside this segment so far.
    trail (Optional[Trail]): Segments before it, the last first.
    """

    edge: Optional[Edge]
    pieces: tuple[int, ...]
    position: int
    logprob: float
    trail: "Optional[Trail]"


class Trail(NamedTuple):
    """A linked list of segments, shared between threads."""

    last: Written
    before: "Optional[Trail]"


class GrammarGuide:
    """Walks a grammar piece by piece.

    grammar (Grammar): What may be written.
    encode (Encode): Piece ids of a segment; never empty.
    end (int): The piece that ends a text.
    """

    def __init__(self, grammar: Grammar, encode: Encode, end: int) -> None:
        self.grammar = grammar
        self.encode = encode
        self.end = end
        self.done = False
        # The last state that it has surely been in, and the pieces since.
        self._state = grammar.start
        self._since: list[int] = []
        self._trail: Optional[Trail] = None
        self._threads = list(self._enter(grammar.start, None))
        self._allowed: Optional[Sequence[int]] = None

    def _enter(self, state: State, trail: Optional[Trail]) -> Iterator[Thread]:
        """A thread for each segment that a state may write."""
        for edge in self.grammar.edges(state):
            yield Thread(edge, tuple(self.encode(edge.text)), 0, 0.0, trail)
        if self.grammar.may_end(state):
            yield Thread(None, (self.end,), 0, 0.0, trail)

    def allowed(self) -> Sequence[int]:
        if self._allowed is None:
            self._allowed = sorted({thread.pieces[thread.position] for thread in self._threads})
        return self._allowed

    def step(self, piece: int, logprob: float = 0.0) -> None:
        """Write a piece.

        piece (int): One of the allowed pieces.
        logprob (float): Natural logarithm of its probability among the allowed ones, 0.0 where there was no choice.
        RAISES (ValueError): If the piece is not allowed.
        """
        taken = [
            Thread(edge, pieces, position + 1, before + logprob, trail)
            for edge, pieces, position, before, trail in self._threads
            if pieces[position] == piece
        ]
        if not taken:
            raise ValueError(f"Got the piece {piece}, allowed are {self.allowed()}.")
        self._since.append(piece)
        if len(taken) == 1 and taken[0].edge is not None and taken[0].position == len(taken[0].pieces):
            self._state, self._since = taken[0].edge.target, []
        self._threads = [thread for old in taken for thread in self._advance(old)]
        self._allowed = None

    def _advance(self, thread: Thread) -> Iterator[Thread]:
        if thread.position < len(thread.pieces):
            yield thread
        elif thread.edge is None:
            self.done = True
            self._trail = self._trail or thread.trail
        else:
            yield from self._enter(thread.edge.target, Trail(Written(thread.edge, thread.logprob), thread.trail))

    def propose(self, draft: Draft, most: int) -> list[int]:
        pieces: list[int] = []
        state, begun = self._state, len(self._since)
        for edge in draft.edges(state):
            if len(pieces) >= begun + most:
                break
            pieces += self.encode(edge.text)
            state = edge.target
        else:
            pieces += [self.end] if draft.ends(state) else []
        return pieces[begun:] if pieces[:begun] == self._since else []

    def answer(self) -> Answer:
        path, trail = [], self._trail
        while trail is not None:
            path.append(trail.last)
            trail = trail.before
        path.reverse()
        return Answer("".join(written.edge.text for written in path), tuple(path), self.done)


class FreeGuide:
    """Anything may be written, up to a number of pieces. The segments of its answer are lines.

    decode (Callable[[Sequence[int]], str]): Text of piece ids.
    end (int): The piece that ends a text.
    limit (int): Most pieces.
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

    def step(self, piece: int, logprob: float = 0.0) -> None:
        self._ended = piece == self.end
        if not self._ended:
            self._pieces.append(piece)
            self._logprobs.append(logprob)

    def propose(self, draft: Draft, most: int) -> list[int]:
        return []

    def answer(self) -> Answer:
        path = tuple(self._lines())
        return Answer("".join(written.edge.text for written in path), path, self._ended)

    def _lines(self) -> Iterator[Written]:
        """A line ends with the piece that ends it, which may hold the start of the next one."""
        start = 0
        for end in range(1, len(self._pieces) + 1):
            if end == len(self._pieces) or "\n" in self.decode(self._pieces[end - 1 : end]):
                yield Written(Edge(self.decode(self._pieces[start:end]), ()), sum(self._logprobs[start:end]))
                start = end
