"""A thinc model whose only part is a shim."""

from typing import Any, Callable, Dict, Optional, Protocol, Tuple

from thinc.api import Model


class InitializedShim(Protocol):
    """A shim that makes what it needs when its model is initialized."""

    def __call__(self, inputs: Any, is_train: bool) -> Tuple[Any, Callable]: ...

    def initialize(self) -> None: ...


def model_around(name: str, shim: InitializedShim, dims: Optional[Dict[str, Optional[int]]] = None) -> Model:
    """Make a thinc model that delegates to a shim.

    name (str): What thinc calls it.
    shim (InitializedShim): Called with the inputs, and whether it is training; gives outputs and their backpropagation.
    dims (Optional[Dict[str, Optional[int]]]): Sizes of its inputs and outputs, as thinc names them.
    """
    return Model(name, forward, init=init, dims=dims or {}, shims=[shim])


def forward(model: Model, inputs: Any, is_train: bool) -> Tuple[Any, Callable]:
    result: Tuple[Any, Callable] = model.shims[0](inputs, is_train)
    return result


def init(model: Model, X: Any = None, Y: Any = None) -> None:
    model.shims[0].initialize()
