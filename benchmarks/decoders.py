"""What a decoder gives as a token classifier: `bio_ner` over SmolLM2 with its causal mask on, with it off, and with each text
read twice (echo); strict F1 of entities alone on dev, beside an encoder.

    python benchmarks/decoders.py --seeds 1

Needs `corpus/`, `bases/slm` and `bases/trf`, which `spacy project run all` makes. Takes five to ten minutes a way and seed on two
cores.
"""

from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from trainings import f1_table, train

from spacy_slm_ner.cli.evaluate import evaluate

DEV = Path("corpus/dev.spacy")
MODEL = "components.tok2vec.model"
DECODER = {"paths.base": "bases/slm"}
WAYS: dict[str, dict[str, Any]] = {
    "encoder": {"paths.base": "bases/trf"},
    "mask on": DECODER,
    "mask off": {**DECODER, f"{MODEL}.bidirectional": "true"},
    "echo": {**DECODER, f"{MODEL}.echo": "true"},
}


def score(way: str, seed: int, steps: int) -> float:
    """Train one way with one seed. RETURNS (float): Strict F1 on dev."""
    overrides = {
        **WAYS[way],
        "nlp.pipeline": '["tok2vec", "bio_ner"]',
        "training.max_steps": steps,
        "training.eval_frequency": max(1, steps // 2),
        "training.optimizer.learn_rate.total_steps": steps,
    }
    model = train("configs/lora.cfg", f"training/decoders/{way.replace(' ', '-')}-{seed}", seed, **overrides)
    return float(evaluate(model, DEV)["entities"]["strict"]["f1"])


def main(
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 160,
    ways: Annotated[str, typer.Option(help="Comma separated.")] = ",".join(WAYS),
) -> None:
    rows = {way: [score(way, seed, steps) for seed in range(seeds)] for way in ways.split(",")}
    srsly.write_json("metrics/decoders.json", rows)
    typer.echo(f1_table("way", "dev", rows))


if __name__ == "__main__":
    typer.run(main)
