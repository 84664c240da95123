"""Whether a string occurs earlier in a text, which decides how many states a grammar needs."""

from bisect import bisect_left
from typing import Optional, Sequence


def earlier_token(text: str, starts: Sequence[int], start: int, end: int, position: int = 0) -> Optional[int]:
    """Find the first token at or behind an earlier place of the text of an entity.

    Where there is none, there is none for a longer entity with the same start either: it is the first with its text, whatever
    follows. So a grammar need not remember where an entity began, and has about as many states as the text has tokens.

    text (str): The text.
    starts (Sequence[int]): First character of each token.
    start (int): First token of the entity.
    end (int): Character behind its last one.
    position (int): Token at which the first place may begin.
    RETURNS (Optional[int]): The token; None if no range of tokens before the entity can have its text.
    """
    place = text.find(text[starts[start] : end], starts[position])
    token = bisect_left(starts, place)
    return token if token < start else None
