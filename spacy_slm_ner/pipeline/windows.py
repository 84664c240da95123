"""Long texts in overlapping windows, and the entities of windows joined by position."""

from itertools import accumulate, pairwise
from typing import Callable, Iterable, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from spacy.tokens import Doc, Span

from ..types import ScoredSpan


class Window(NamedTuple):
    """A range of tokens that is read at a time.

    start (int): First token.
    end (int): Token after the last one.
    first (int): First token whose entities are taken from this window; those that start before it come from a neighbour.
    last (int): Token after the last one whose entities are taken from this window.
    """

    start: int
    end: int
    first: int
    last: int


class DocWindow(NamedTuple):
    """A window with its tokens.

    number (int): Of the Doc in its batch.
    window (Window): Which tokens of the Doc.
    doc (Doc): They alone, without annotation.
    """

    number: int
    window: Window
    doc: Doc

    def annotated(self, ents: Iterable[Span], cats: Mapping[str, float]) -> Doc:
        """Set the entities that the window holds as a whole, and categories.

        ents (Iterable[Span]): Of the whole Doc.
        cats (Mapping[str, float]): Categories.
        RETURNS (Doc): The Doc of the window.
        """
        start, end, *_ = self.window
        inside = [ent for ent in ents if start <= ent.start and ent.end <= end]
        spans = [Span(self.doc, ent.start - start, ent.end - start, label=ent.label_) for ent in inside]
        self.doc.set_ents(spans, default="outside")
        self.doc.cats = dict(cats)
        return self.doc


class WindowMaker(NamedTuple):
    """Cuts Docs into windows.

    size (int): Most pieces of a window.
    overlap (int): Pieces that two neighbours share.
    count_pieces (Callable[[Sequence[str]], List[int]]): Counts the pieces of each text.
    """

    size: int
    overlap: int
    count_pieces: Callable[[Sequence[str]], List[int]]

    def windows(self, doc: Doc, number: int = 0) -> Tuple[List[DocWindow], List[str]]:
        """Cut a Doc; there are no windows if it is white space alone.

        number (int): Of the Doc in its batch.
        RETURNS (Tuple[List[DocWindow], List[str]]): Windows, and a sentence for each token that cannot be read.
        """
        windows, unread = self._ranges(doc)
        return [DocWindow(number, window, copy_tokens(doc, window)) for window in windows], unread

    def _ranges(self, doc: Doc) -> Tuple[List[Window], List[str]]:
        if not doc.text.strip():
            return [], []
        # No piece is shorter than a byte, so a short text needs no counting.
        if len(doc.text.encode("utf8", "surrogatepass")) <= self.size:
            return [Window(0, len(doc), 0, len(doc))], []
        lengths = self.count_pieces([token.text_with_ws for token in doc])
        unread = [
            f"token {i} has {length} tokens of the base's tokenizer, more than a window of {self.size}, and was not read"
            for i, length in enumerate(lengths)
            if length > self.size
        ]
        return make_windows(lengths, self.size, self.overlap), unread


def halve_window(window: DocWindow, overlap: int, count_pieces: Callable[[Sequence[str]], List[int]]) -> List[DocWindow]:
    """Cut a window that is too long for the model into shorter ones, which give the entities that it would have given.

    window (DocWindow): The window.
    overlap (int): Most pieces that two neighbours share.
    count_pieces (Callable[[Sequence[str]], List[int]]): Counts the pieces of each text.
    RETURNS (List[DocWindow]): None if a token is longer than half of the window.
    """
    size = sum(count_pieces([token.text_with_ws for token in window.doc])) // 2
    if size < 1:
        return []
    parts, unread = WindowMaker(size, min(overlap, size // 2), count_pieces).windows(window.doc, window.number)
    return [] if unread else [part._replace(window=place(part.window, window.window)) for part in parts]


def place(part: Window, whole: Window) -> Window:
    """Return a window of a window as one of the whole text."""
    start, end, first, last = (position + whole.start for position in part)
    return Window(start, end, max(first, whole.first), min(last, whole.last))


def copy_tokens(doc: Doc, window: Window) -> Doc:
    """Copy the tokens of a window, without annotation."""
    tokens = doc[window.start : window.end]
    words, spaces = [token.text for token in tokens], [bool(token.whitespace_) for token in tokens]
    return Doc(doc.vocab, words=words, spaces=spaces, user_data=doc.user_data)


def make_windows(lengths: Sequence[int], size: int, overlap: int) -> list[Window]:
    """Cover a text with windows.

    Two neighbours share the entities of their overlap half and half, so any entity of up to half the overlap is seen whole.

    lengths (Sequence[int]): Number of pieces of each token. A token longer than a window is in none.
    size (int): Most pieces of a window.
    overlap (int): Most pieces that two neighbours share; less than `size`.
    RETURNS (list[Window]): In order.
    """
    return [window for start, end in stretches(lengths, size) for window in cover(lengths, start, end, size, overlap)]


def stretches(lengths: Sequence[int], size: int) -> Iterator[tuple[int, int]]:
    """List the ranges of tokens between those that are longer than a window."""
    edges = [-1, *(i for i, length in enumerate(lengths) if length > size), len(lengths)]
    return ((left + 1, right) for left, right in pairwise(edges) if right > left + 1)


def cover(lengths: Sequence[int], start: int, end: int, size: int, overlap: int) -> Iterator[Window]:
    """Cover one stretch with windows."""
    ends = [0, *accumulate(lengths)]
    first = start
    while True:
        stop = start + 1
        while stop < end and ends[stop + 1] - ends[start] <= size:
            stop += 1
        if stop == end:
            yield Window(start, end, first, end)
            return
        following = stop
        # The next window reaches back as far as the overlap, if it still reads on.
        shared = min(overlap, size - (ends[stop + 1] - ends[stop]))
        while following - 1 > start and ends[stop] - ends[following - 1] <= shared:
            following -= 1
        middle = (following + stop + 1) // 2
        while middle > following and ends[stop] - ends[middle - 1] < overlap // 2:
            middle -= 1
        yield Window(start, stop, first, middle)
        start, first = following, middle


def join_entities(windows: Sequence[Window], found: Sequence[Sequence[ScoredSpan]]) -> list[ScoredSpan]:
    """Join the entities of windows to those of their text.

    windows (Sequence[Window]): See `make_windows`.
    found (Sequence[Sequence[ScoredSpan]]): Entities of each, as ranges of the window's tokens.
    RETURNS (list[ScoredSpan]): Ranges of the text's tokens. Those of different windows may overlap.
    """
    return [
        ScoredSpan(span._replace(start=span.start + window.start, end=span.end + window.start), score)
        for window, spans in zip(windows, found)
        for span, score in spans
        if window.first <= span.start + window.start < window.last
    ]
