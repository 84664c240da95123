"""Alignment of copied words with the text that they were copied from. Pure Python; positions are characters."""

from .folding import fold
from .locate import Located, Mention, locate

__all__ = ["Located", "Mention", "fold", "locate"]
