"""Which place of a text an entity has that an answer names by its words."""

from dataclasses import dataclass
from typing import Literal, get_args

from ..alignment.fuzzy import require_rapidfuzz

Mentions = Literal["next", "all", "occurrence"]
NextOrAll = Literal["next", "all"]


@dataclass(frozen=True)
class Placement:
    """The policy on places.

    mentions (Mentions): "next": the place behind the entity before, unless the answer numbers another one; "all": this one, and
        each further place with the same words that no entity has; "occurrence": the place with the number that the answer writes,
        and no other, or the first one.
    fuzzy (float): Least similarity of a place whose words differ from those of the answer, from 0 to 1; 0 for no such places.
    """

    mentions: Mentions = "next"
    fuzzy: float = 0.0

    def __post_init__(self) -> None:
        """RAISES (ValueError): If a setting is not allowed, or needs a package that is not installed."""
        if self.mentions not in get_args(Mentions):
            raise ValueError(f"Got mentions = {self.mentions!r}, allowed are {', '.join(get_args(Mentions))}.")
        if not 0.0 <= self.fuzzy <= 1.0:
            raise ValueError(f"Got fuzzy = {self.fuzzy}, allowed is 0 (none) to 1; 0.85 admits one slip in a name.")
        if self.fuzzy:
            require_rapidfuzz()


NEXT = Placement()


def by_order(mentions: NextOrAll, fuzzy: float) -> Placement:
    """Make the policy of a format which leaves out the number of the place behind the entity before.

    RAISES (ValueError): If it should rely on numbers.
    """
    if mentions == "occurrence":
        raise ValueError("Got mentions = 'occurrence', but only spacy-slm-ner.Json.v1 numbers all places. Allowed: next, all.")
    return Placement(mentions, fuzzy)
