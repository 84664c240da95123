"""Exclusive categories of a text, as spaCy's `doc.cats` holds them."""

from typing import Mapping, Optional


def best_category(cats: Mapping[str, float]) -> Optional[str]:
    """Return the category with the highest value.

    cats (Mapping[str, float]): Value of each category.
    RETURNS (Optional[str]): None if there are no categories.
    """
    return max(cats, key=lambda name: cats[name]) if cats else None
