"""Strict F1 and intent accuracy over seeds: transformer, generator and tok2vec baseline, on test and on the outside check.

    python benchmarks/seeds.py --data ../shared/data/restaurant8k/train_5.json

Needs `corpus/` and `bases/`, which `spacy project run all` makes. Takes about eight minutes a seed on two cores.
"""

from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import spacy
import srsly
import typer
from restaurant8k import build
from trainings import train

from spacy_slm_ner.cli.calibrate import calibrate
from spacy_slm_ner.cli.evaluate import evaluate

OUTSIDE = Path("corpus/restaurant8k.spacy")


def trained(config: str, seed: int) -> str:
    """Train a pipeline as the project does. RETURNS (str): Folder of the best checkpoint, calibrated if it has scores."""
    folder = f"training/seeds/{config}-{seed}"
    best = train(f"configs/{config}.cfg", folder, seed)
    if config != "slm":
        return best
    calibrate(best, Path("corpus/dev.spacy"), Path(f"{folder}/calibrated"))
    return f"{folder}/calibrated"


def score(config: str, seed: int) -> dict[str, Any]:
    model = trained(config, seed)
    test = evaluate(model, Path("corpus/test.spacy"), Path(f"metrics/seeds/{config}-{seed}-test.json"))
    outside = evaluate(model, OUTSIDE, Path(f"metrics/seeds/{config}-{seed}-outside.json"), labels=["DATE", "TIME", "NAME"])
    return {
        "test F1": test["entities"]["strict"]["f1"],
        "intent accuracy": test["intents"]["accuracy"],
        "intent macro F1": test["intents"]["macro_f1"],
        "outside F1": outside["entities"]["strict"]["f1"],
        "calibration error": test["calibration"]["expected_calibration_error"] if test["calibration"] else -1.0,
        "words/s": test["words_per_second"],
        **{f"{label} F1": row["f1"] for label, row in test["entities"]["per_label"].items()},
    }


def cell(values: list[float]) -> str:
    """Mean and range over seeds; -1 stands for none."""
    if min(values) < 0:
        return "–"
    if max(values) > 1:
        return f"{mean(values):,.0f}"
    return f"{mean(values):.3f} ({min(values):.3f}–{max(values):.3f})"


def main(
    data: Annotated[Path, typer.Option(help="train_5.json of Restaurant8k.")],
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    configs: Annotated[str, typer.Option(help="Comma separated.")] = "tok2vec,trf,slm",
) -> None:
    build(data, spacy.blank("en")).to_disk(OUTSIDE)
    rows = {config: [score(config, seed) for seed in range(seeds)] for config in configs.split(",")}
    srsly.write_json("metrics/seeds.json", rows)
    lines = ["| mean (range) | " + " | ".join(rows) + " |", "| --- " * (len(rows) + 1) + "|"]
    for name in next(iter(rows.values()))[0]:
        lines.append(f"| {name} | " + " | ".join(cell([run[name] for run in runs]) for runs in rows.values()) + " |")
    typer.echo("\n".join(lines))


if __name__ == "__main__":
    typer.run(main)
