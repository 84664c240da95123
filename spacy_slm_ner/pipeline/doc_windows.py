"""The parts of Docs that a generator reads at a time."""

from typing import Callable, List, NamedTuple, Sequence, Tuple

from spacy.tokens import Doc

from .windows import Window, make_windows


class Part(NamedTuple):
    """A part of a Doc.

    number (int): Of the Doc in its batch.
    window (Window): Which tokens.
    doc (Doc): They alone.
    """

    number: int
    window: Window
    doc: Doc


class WindowMaker(NamedTuple):
    """Cuts Docs into parts.

    size (int): Most pieces of a part.
    overlap (int): Pieces that two neighbours share.
    count_pieces (Callable[[Sequence[str]], List[int]]): Number of pieces of each text.
    """

    size: int
    overlap: int
    count_pieces: Callable[[Sequence[str]], List[int]]

    def parts(self, doc: Doc, number: int = 0) -> Tuple[List[Part], List[str]]:
        """The parts of a Doc, none if it is white space alone, and what of it cannot be read, as sentences."""
        windows, unread = self._windows(doc)
        return [Part(number, window, cut(doc, window)) for window in windows], unread

    def _windows(self, doc: Doc) -> Tuple[List[Window], List[str]]:
        if not doc.text.strip():
            return [], []
        # No piece is shorter than a byte, so a short text needs no counting.
        if len(doc.text.encode("utf8", "surrogatepass")) <= self.size:
            return [Window(0, len(doc), 0, len(doc))], []
        lengths = self.count_pieces([token.text_with_ws for token in doc])
        unread = [
            f"token {i} has {length} pieces, more than a window of {self.size}, and was not read"
            for i, length in enumerate(lengths)
            if length > self.size
        ]
        return make_windows(lengths, self.size, self.overlap), unread


def cut(doc: Doc, window: Window) -> Doc:
    """The tokens of a window alone, without annotation."""
    tokens = doc[window.start : window.end]
    words, spaces = [token.text for token in tokens], [bool(token.whitespace_) for token in tokens]
    return Doc(doc.vocab, words=words, spaces=spaces, user_data=doc.user_data)
