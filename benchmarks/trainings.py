"""Trainings that benchmarks share; one that is there is not repeated."""

import subprocess
import sys
from pathlib import Path
from statistics import mean
from time import perf_counter

SECONDS = "seconds.txt"


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
        start = perf_counter()
        subprocess.run([sys.executable, "-m", *command], check=True)
        Path(folder, SECONDS).write_text(str(perf_counter() - start))
    return str(best)


def seconds(folder: str) -> float:
    """What a training took, start of Python and scoring on dev included."""
    return float(Path(folder, SECONDS).read_text())


def f1_table(kind: str, split: str, rows: dict[str, list[float]]) -> str:
    """A table of F1 scores over seeds.

    kind (str): What the rows are.
    split (str): What was scored.
    rows (dict[str, list[float]]): Scores by the name of the row.
    """
    lines = [f"| {name} | {spread(values)} |" for name, values in rows.items()]
    return "\n".join([f"| {kind} | {split} F1, mean (range) |", "| --- | --- |", *lines])


def spread(values: list[float]) -> str:
    """Mean and range of F1 scores over seeds."""
    return f"{mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"
