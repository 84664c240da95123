"""Search for the words of an entity by regular expressions, from strict to loose."""

import re
from typing import Callable, Iterator, Literal, NamedTuple, Sequence

from .boundaries import is_boundary
from .inside_word import is_plausible_inside_word

Status = Literal["joined", "folded", "respaced", "reordered", "inside_word", "split", "ambiguous", "missing"]


def word_group(word: str) -> str:
    """Return a pattern of one word, in which any white space matches any other.

    It is a group, so that `find_ranges` can check that it begins and ends at word boundaries.
    """
    return "(" + r"\s+".join(map(re.escape, word.split())) + ")"


def words_pattern(words: Sequence[str]) -> str:
    """Return a pattern of the words with any white space, or none, between two of them."""
    return r"\s*".join(map(word_group, words))


def joined_pattern(words: Sequence[str]) -> str:
    """Return a pattern of the words with up to three characters of punctuation and space between two of them.

    Punctuation at the beginning of a word belongs to the gap before it, so a gap ends at a word character, which it
    cannot hold. There is one way to match, and no backtracking over long runs of punctuation.
    """
    patterns = [word_group(words[0])]
    for word in words[1:]:
        core = re.sub(r"^\W+", "", word)
        patterns.append(rf"\W{{0,3}}{word_group(core)}" if core else rf"\s*{word_group(word)}")
    return "".join(patterns)


def respaced_pattern(words: Sequence[str]) -> str:
    """Return a pattern of the characters of the words with any white space, or none, between two of them."""
    return r"\s*".join(re.escape(char) for word in words for char in word if not char.isspace())


def parts_of(words: Sequence[str]) -> list[str]:
    """Return what a text without white space holds wherever a pattern of whole words matches."""
    return ["".join(re.sub(r"^\W+", "", word).split()) for word in words]


def whole_of(words: Sequence[str]) -> list[str]:
    """Return what a text without white space holds wherever the respaced words are."""
    return ["".join("".join(words).split())]


class SearchMethod(NamedTuple):
    """A method to search words in a text.

    pattern (Callable[[Sequence[str]], str]): Makes the regular expression of words.
    folded (bool): Whether to search the folded text.
    statuses (tuple[Status, ...]): Statuses of a match.
    inside (bool): Whether a match may begin and end inside a word.
    needles (Callable[[Sequence[str]], list[str]]): Makes of words what the text holds without its white space, if they match: to
        look for that takes no time.
    """

    pattern: Callable[[Sequence[str]], str]
    folded: bool
    statuses: tuple[Status, ...]
    inside: bool = False
    needles: Callable[[Sequence[str]], list[str]] = parts_of


# From strict to loose.
WHOLE_WORDS = (
    SearchMethod(words_pattern, False, ()),
    SearchMethod(joined_pattern, False, ("joined",)),
    SearchMethod(words_pattern, True, ("folded",)),
    SearchMethod(joined_pattern, True, ("folded", "joined")),
    SearchMethod(respaced_pattern, True, ("respaced",), needles=whole_of),
)
# For words that stand nowhere as whole words.
INSIDE_WORDS = (
    SearchMethod(words_pattern, False, ("inside_word",), inside=True),
    SearchMethod(words_pattern, True, ("folded", "inside_word"), inside=True),
)


def find_ranges(pattern: str, text: str, start: int = 0, inside: bool = False, folded: bool = False) -> Iterator[tuple[int, int]]:
    """Find ranges of whole words that match, from left to right; they may overlap.

    The pattern is a lookahead at every position, because a match that ends inside a word may hide one that begins inside it.

    pattern (str): Regular expression.
    text (str): The text.
    start (int): First position.
    inside (bool): Whether a range may also be inside a longer word.
    folded (bool): Whether the text is folded.
    YIELDS (tuple[int, int]): Start and end.
    """
    for match in re.compile(f"(?=({pattern}))").finditer(text, start):
        first, last = match.span(1)
        inner = {edge for group in range(1, len(match.groups()) + 1) for edge in match.span(group)} - {first, last}
        outer = all(is_boundary(text, edge) for edge in (first, last))
        if all(is_boundary(text, edge) for edge in inner) and (
            outer or (inside and is_plausible_inside_word(text, first, last, folded))
        ):
            yield first, last
