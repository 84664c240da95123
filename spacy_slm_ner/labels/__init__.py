"""BIO tags and spans, and exclusive categories. Positions are words."""

from .categories import best_category
from .schemes import SCHEMES, Scheme, check_scheme, detect_scheme
from .tags import OUTSIDE, decode_tags, encode_tags, split_tag

__all__ = [
    "OUTSIDE",
    "SCHEMES",
    "Scheme",
    "best_category",
    "check_scheme",
    "decode_tags",
    "detect_scheme",
    "encode_tags",
    "split_tag",
]
