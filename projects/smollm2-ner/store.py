"""Store a trained adapter as bf16, at half the size.

python store.py training/2/model-last/slm_ner/model/adapters/default stored
"""

import json
from pathlib import Path
from typing import Annotated

import torch
import typer
from safetensors.torch import load_file, save_file

from spacy_slm_ner.models.pretrained.adapters import WEIGHTS

CONFIG = "adapter_config.json"


def main(
    source: Annotated[Path, typer.Argument(help="Folder of the adapter.")],
    target: Annotated[Path, typer.Argument(help="Folder for its files.")],
    base: Annotated[str, typer.Option(help="What its config says about its base.")] = "HuggingFaceTB/SmolLM2-135M-Instruct",
) -> None:
    target.mkdir(parents=True, exist_ok=True)
    weights = {name: value.to(torch.bfloat16) for name, value in load_file(source / WEIGHTS).items()}
    save_file(weights, target / WEIGHTS, metadata={"format": "pt"})
    config = {**json.loads((source / CONFIG).read_text(encoding="utf8")), "base_model_name_or_path": base}
    (target / CONFIG).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf8")


if __name__ == "__main__":
    typer.run(main)
