"""From words that somebody copied out of a text back to where they stand in it. Pure Python; positions are characters."""

from .folding import fold
from .locate import Located, Mention, locate

__all__ = ["Located", "Mention", "fold", "locate"]
