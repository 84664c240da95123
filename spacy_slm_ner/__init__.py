from .about import __version__

__all__ = ["__version__"]
