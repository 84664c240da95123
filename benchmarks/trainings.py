"""Trainings that benchmarks share; one that is there is not repeated."""

import subprocess
import sys
from pathlib import Path


def train(config: str, folder: str, seed: int, **overrides: object) -> str:
    """Train a pipeline as the project does.

    config (str): Path of the config.
    folder (str): Where to put it.
    seed (int): Of the training.
    overrides (object): Values of the config by their dotted names.
    RETURNS (str): Folder of the best checkpoint.
    """
    best = Path(folder, "model-best")
    if not best.exists():
        command = ["spacy", "train", config, "--output", folder, "--system.seed", str(seed)]
        command += [part for name, value in overrides.items() for part in (f"--{name}", str(value))]
        subprocess.run([sys.executable, "-m", *command], check=True)
    return str(best)
