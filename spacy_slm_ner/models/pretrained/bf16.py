"""Weights at half the size."""

import json
from pathlib import Path

from .origin import drop_origin


def store_as_bf16(folder: Path) -> None:
    """Rewrite the weights of a base as bf16.

    Training keeps them in fp32, because the steps of an optimizer are smaller than bf16 can hold; a model that is not trained as
    a whole any more does not need the rest.

    folder (Path): With config.json and weights as safetensors, both rewritten.
    """
    import torch
    from safetensors.torch import load_file, save_file

    drop_origin(folder)
    for path in folder.glob("*.safetensors"):
        weights = {
            name: weight.to(torch.bfloat16) if weight.is_floating_point() else weight for name, weight in load_file(path).items()
        }
        # Weights that stay as they are may still be read from the file.
        new = path.with_suffix(".new")
        save_file(weights, new, metadata={"format": "pt"})
        new.replace(path)
    config = folder / "config.json"
    settings = {**json.loads(config.read_text(encoding="utf8")), "torch_dtype": "bfloat16"}
    # The same in transformers 5, where it would come first.
    settings.pop("dtype", None)
    config.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf8")
