"""The interface that `slm_ner` needs of its model, beside that of every thinc model."""

from pathlib import Path
from typing import Any, List, Optional, Protocol, Sequence, Union


class GeneratorShim(Protocol):
    """The first shim of a generator: a thinc model from `Request`s to `Answer`s, or in training to the negative log-likelihood of
    each target. `spacy-slm-ner.CausalLM.v1` is one; another kind needs this and nothing else.
    """

    @property
    def adapters(self) -> Sequence[str]:
        """Names of the adapters."""
        ...

    @property
    def active(self) -> Optional[str]:
        """Name of the adapter in use; None if there is none."""
        ...

    def count_pieces(self, texts: Sequence[str]) -> List[int]:
        """Count the pieces of each text."""
        ...

    def load_adapter(self, name: str, path: Union[str, Path]) -> None:
        """Add an adapter from the folder that `to_disk` wrote for another one over the same base."""
        ...

    def use_adapter(self, name: str) -> None:
        """Switch to an adapter."""
        ...

    def to_disk(self, path: Union[str, Path]) -> None:
        """Write a folder."""
        ...

    def from_disk(self, path: Union[str, Path]) -> Any:
        """Read what `to_disk` wrote."""
        ...
