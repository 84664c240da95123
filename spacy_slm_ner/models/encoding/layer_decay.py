"""The depth of each parameter, for learning rates that decay from layer to layer."""

from typing import Any, Dict

from torch.nn import ModuleList

from ...errors import BaseModelError


def layer_depths(model: Any) -> Dict[str, int]:
    """Count the layers above that of each parameter: 0 in the last layer and behind it, that of all layers before the first.

    model (Any): As `AutoModel` gives it, or a `PeftModel` around it.
    RETURNS (Dict[str, int]): By the parameter's name.
    RAISES (BaseModelError): If the model has no list of as many layers as its config says.
    """
    number = model.config.num_hidden_layers
    stacks = [name for name, part in model.named_modules() if isinstance(part, ModuleList) and len(part) == number]
    if not stacks:
        raise BaseModelError(f"Cannot find the {number} layers of a {type(model).__name__}. Set layer_decay = 1.0.")
    stack = stacks[0] + "."
    names = [name for name, _ in model.named_parameters()]
    within = [i for i, name in enumerate(names) if name.startswith(stack)]
    found = {}
    for i, name in enumerate(names):
        if name.startswith(stack):
            found[name] = number - 1 - int(name[len(stack) :].partition(".")[0])
        else:
            found[name] = number if i < within[0] else 0
    return found
