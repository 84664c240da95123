"""Linked lists that share their beginnings, for the paths of a search or of threads."""

from typing import Generic, NamedTuple, Optional, TypeVar

Item = TypeVar("Item")


class LinkedList(NamedTuple, Generic[Item]):
    """A list that is extended at its end without a copy. None is the empty list.

    last (Item): Last item.
    before (Optional[LinkedList[Item]]): Items before it.
    """

    last: Item
    before: "Optional[LinkedList[Item]]"


def items_of(linked: Optional[LinkedList[Item]]) -> list[Item]:
    """Return the items of a linked list in order."""
    items: list[Item] = []
    while linked is not None:
        items.append(linked.last)
        linked = linked.before
    return items[::-1]
