"""What the small base is worth for other labels: LoRA on 100 sentences about music (CrossNER, MIT), from the base as it is, and
from the same architecture with random weights.

    python benchmarks/adaptation.py ../shared/data/crossner/music

Takes about six minutes a seed on two cores.
"""

import shutil
from pathlib import Path
from typing import Annotated

import srsly
import typer
from trainings import f1_table, train

from spacy_slm_ner.cli.convert import convert
from spacy_slm_ner.cli.evaluate import evaluate
from spacy_slm_ner.models.pretrained.hub import find_base

NANO = find_base("spacy-slm-ner/nano")
RANDOM = Path("bases/nano-random")


def forget_weights() -> None:
    """A folder with the same tokenizer and config; a base without weights gets random ones."""
    shutil.rmtree(RANDOM, ignore_errors=True)
    shutil.copytree(NANO, RANDOM, ignore=shutil.ignore_patterns("*.safetensors", "*.md"))


def score(base: Path, seed: int, steps: int) -> float:
    """Strict F1 on the test sentences after training on the training sentences."""
    overrides = {
        "paths.train": "corpus/music-train.spacy",
        "paths.dev": "corpus/music-dev.spacy",
        "paths.base": base,
        "components.slm_ner.cats": "false",
        "training.max_steps": steps,
        "training.optimizer.learn_rate.total_steps": steps,
        "corpora.dev.limit": 100,
    }
    model = train("projects/nano/configs/tune.cfg", f"training/music/{base.name}-{seed}", seed, **overrides)
    figures = evaluate(model, Path("corpus/music-test.spacy"), gold_preproc=True)
    return float(figures["entities"]["strict"]["f1"])


def main(
    data: Annotated[Path, typer.Argument(help="Folder with train.txt, dev.txt and test.txt in CoNLL columns.")],
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 300,
) -> None:
    for part in ("train", "dev", "test"):
        convert([data / f"{part}.txt"], Path(f"corpus/music-{part}.spacy"))
    forget_weights()
    rows = {base.name: [score(base, seed, steps) for seed in range(seeds)] for base in (NANO, RANDOM)}
    srsly.write_json("metrics/music.json", rows)
    typer.echo(f1_table("base", "test", rows))


if __name__ == "__main__":
    typer.run(main)
