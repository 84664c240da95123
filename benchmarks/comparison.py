"""Ways to make a token classifier of one base and one set of data: strict F1, parameters trained, time, speed and size.

    python benchmarks/comparison.py corpus/wnut17-train.spacy corpus/wnut17-dev.spacy --steps 850 --gold-preproc

The last checkpoint counts, so the scored text chooses nothing; only `early-stopping` takes the checkpoint that is best on
`--dev`. A training that is there is not repeated.
"""

from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import plain_trainer
import spacy
import srsly
import typer
from spacy.util import load_config, set_dot_to_object
from trainings import seconds, spread, train

from spacy_slm_ner.cli.evaluate import evaluate

# Words of a step, padding included, as the configs have it.
WORDS = 300
PLAIN = "plain-trainer"


@dataclass(frozen=True)
class Way:
    """A config of the project, and what is changed of it.

    config (str): Its name.
    ner (bool): Whether spaCy's `ner` stands in the place of `bio_ner`.
    changes (dict[str, Any]): Values by their dotted names.
    stops (bool): Whether training stops where dev gets no better, and the best checkpoint counts.
    """

    config: str = "lora"
    ner: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    stops: bool = False


WHOLE = {
    "components.tok2vec.model.lora": None,
    "components.tok2vec.model.base_dropout": True,
    "training.optimizer.learn_rate.initial_rate": 0.0003,
}
DECODER = {
    "paths.base": "spacy-slm-ner/nano",
    "components.tok2vec.model.bidirectional": True,
}
WAYS = {
    "full-ner": Way("trf", ner=True),
    "full-bio_ner": Way(changes=WHOLE),
    "lora-bio_ner": Way(),
    # The rate of trf.cfg, whose ner it is.
    "lora-ner": Way(ner=True, changes={"training.optimizer.learn_rate.initial_rate": 0.0003}),
    "no-lora-dropout": Way(changes={"components.tok2vec.model.lora.dropout": 0.0}),
    "more-lora-dropout": Way(changes={"components.tok2vec.model.lora.dropout": 0.3}),
    "layer-decay": Way(changes={"components.tok2vec.model.layer_decay": 0.8}),
    "base-dropout": Way(changes={"components.tok2vec.model.base_dropout": True}),
    "not-swapped": Way(changes={"corpora.train.augmenter": None}),
    "early-stopping": Way(stops=True),
    "decoder-open": Way(changes=DECODER),
    "decoder-causal": Way(changes={**DECODER, "components.tok2vec.model.bidirectional": False}),
}


def write_config(way: Way, steps: int, gold_preproc: bool, folder: Path) -> None:
    """Write the config of a way, for entities alone, into a folder."""
    config = load_config(f"configs/{way.config}.cfg")
    components = config["components"]
    del components["textcat"]
    if way.ner and "ner" not in components:
        listener = components.pop("bio_ner")["model"]["tok2vec"]
        components["ner"] = load_config("configs/trf.cfg")["components"]["ner"]
        components["ner"]["model"]["tok2vec"] = listener
    config["nlp"]["pipeline"] = list(components)
    for corpus in config["corpora"].values():
        corpus["gold_preproc"] = gold_preproc
    if not way.stops:
        # Nothing hangs on it.
        config["corpora"]["dev"] = {**config["corpora"]["dev"], "path": "${paths.train}", "limit": 20}
    training = config["training"]
    training["max_steps"] = training["optimizer"]["learn_rate"]["total_steps"] = steps
    training["eval_frequency"] = steps // 10 if way.stops else steps
    training["patience"] = steps // 5 if way.stops else 0
    training["score_weights"] = {"ents_f": 1.0}
    for name, value in way.changes.items():
        set_dot_to_object(config, name, value)
    folder.mkdir(parents=True, exist_ok=True)
    config.to_disk(folder / "config.cfg")


def with_spacy(
    way: Way, data: tuple[Path, Path, Path], steps: int, gold_preproc: bool, seed: int, folder: Path
) -> dict[str, float]:
    """Train and score with the project's parts."""
    write_config(way, steps, gold_preproc, folder)
    train(str(folder / "config.cfg"), str(folder), seed, **{"paths.train": data[0], "paths.dev": data[1]})
    model = folder / ("model-best" if way.stops else "model-last")
    figures = evaluate(str(model), data[2], folder / "figures.json", gold_preproc=gold_preproc)
    return {
        "F1": figures["entities"]["strict"]["f1"],
        "trained parameters": trained_parameters(model),
        "training seconds": seconds(str(folder)),
        "words/s": figures["words_per_second"],
        "MB": figures["megabytes"],
    }


def trained_parameters(folder: Path) -> int:
    """Parameters that an update may change; `trf.cfg` freezes word embeddings, which a trained pipeline does not show."""
    nlp = spacy.load(folder)
    frozen = "word_embeddings" if nlp.has_pipe("transformer") else "-"
    total = 0
    for _, component in nlp.pipeline:
        for node in component.model.walk():  # type: ignore[attr-defined]
            total += sum(node.get_param(name).size for name in node.param_names if node.has_param(name))
            for shim in node.shims:
                model = shim.loaded.model if hasattr(shim, "loaded") else shim._model
                named = model.named_parameters()
                total += sum(value.numel() for name, value in named if value.requires_grad and frozen not in name)
    return total


def with_trainer(data: tuple[Path, Path, Path], steps: int, seed: int, folder: Path) -> dict[str, float]:
    """Train and score as `plain_trainer` does."""
    stored = folder / "figures.json"
    if not stored.exists():
        srsly.write_json(stored, plain_trainer.train("bases/trf", data[0], data[2], folder, seed, words=WORDS * steps))
    figures: dict[str, float] = srsly.read_json(stored)
    return figures


def main(
    train_data: Annotated[Path, typer.Argument(help="DocBin to train on.")],
    test_data: Annotated[Path, typer.Argument(help="DocBin to score.")],
    dev: Annotated[Path, typer.Option(help="DocBin that early stopping looks at.")] = Path("corpus/dev.spacy"),
    ways: Annotated[str, typer.Option(help="Comma separated.")] = f"full-ner,full-bio_ner,lora-bio_ner,lora-ner,{PLAIN}",
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    steps: Annotated[int, typer.Option(help="Of each training.")] = 500,
    gold_preproc: Annotated[bool, typer.Option(help="Use the gold tokens, as CoNLL data has them.")] = False,
) -> None:
    data = (train_data, dev, test_data)
    rows: dict[str, list[dict[str, float]]] = {}
    for way in ways.split(","):
        rows[way] = []
        for seed in range(seeds):
            folder = Path(f"training/comparison/{train_data.stem}-{steps}/{way}-{seed}")
            run = (
                with_trainer(data, steps, seed, folder)
                if way == PLAIN
                else with_spacy(WAYS[way], data, steps, gold_preproc, seed, folder)
            )
            rows[way].append(run)
    srsly.write_json(f"metrics/comparison-{train_data.stem}.json", rows)
    # The machine may be shared, so the fastest run says most about speed.
    columns = {"trained parameters": mean, "training seconds": min, "words/s": max, "MB": mean}
    lines = ["| way | F1 | " + " | ".join(columns) + " |", "| --- " * (len(columns) + 2) + "|"]
    for way, runs in rows.items():
        cells = [f"{of([run[name] for run in runs]):,.0f}" if name in runs[0] else "–" for name, of in columns.items()]
        lines.append(f"| {way} | {spread([run['F1'] for run in runs])} | " + " | ".join(cells) + " |")
    typer.echo("\n".join(lines))


if __name__ == "__main__":
    typer.run(main)
