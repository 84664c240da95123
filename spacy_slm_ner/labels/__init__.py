"""BIO tags and spans. Pure Python; positions are word positions."""

from .schemes import SCHEMES, Scheme, check_scheme, detect_scheme
from .tags import OUTSIDE, decode_tags, encode_tags, split_tag

__all__ = [
    "OUTSIDE",
    "SCHEMES",
    "Scheme",
    "check_scheme",
    "decode_tags",
    "detect_scheme",
    "encode_tags",
    "split_tag",
]
