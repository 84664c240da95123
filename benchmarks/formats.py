"""The prompt formats beside each other: strict F1, pieces written, passes of the model and speed, on dev, over seeds.

    python benchmarks/formats.py --config projects/nano/configs/tune.cfg

Needs `corpus/` and, for `configs/slm.cfg`, `bases/slm`, which `spacy project run all` makes. Over nano it takes about two minutes
a format and seed on two cores, over SmolLM2 five to fifteen. There, all formats begin with new weights, as the adapter that comes
with the package has learned one of them.
"""

from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Annotated, Any, Iterator, Sequence
from unittest.mock import patch

import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from trainings import spread, train

from spacy_slm_ner.cli.evaluate import evaluate
from spacy_slm_ner.models.generation.batch_reader import StepInput
from spacy_slm_ner.models.generation.lm_head import StepLogits
from spacy_slm_ner.models.generation.packed_reader import PackedReader

DEV = Path("corpus/dev.spacy")
REPEATS = 5
TUNED = "configs/slm.cfg"


@contextmanager
def passes() -> Iterator[list[int]]:
    """Number of rows of each pass: one over a batch of eight rows counts eight."""
    found, read = [], PackedReader.read

    def count(reader: PackedReader, steps: Sequence[StepInput], whole: bool) -> StepLogits:
        found.append(len(steps))
        return read(reader, steps, whole)

    with patch.object(PackedReader, "read", count):
        yield found


def speed(nlp: Language, docs: list[Doc]) -> float:
    """Documents per second, median of some repeats."""
    texts = [doc.text for doc in docs]
    seconds = []
    for _ in range(REPEATS + 1):
        start = perf_counter()
        list(nlp.pipe(texts))
        seconds.append(perf_counter() - start)
    return len(texts) / median(seconds[1:])


def measure(config: str, format: str, seed: int, steps: int) -> dict[str, float]:
    """Train one format with one seed, and measure it on dev."""
    folder = f"training/formats/{Path(config).stem}/{format}-{seed}"
    overrides: dict[str, Any] = {"components.slm_ner.format.@misc": f"spacy-slm-ner.{format}.v1"}
    overrides |= {"training.max_steps": steps, "training.optimizer.learn_rate.total_steps": steps}
    overrides |= {"components.slm_ner.model.lora.start": "null"} if config == TUNED else {}
    model = train(config, folder, seed, **overrides)
    figures = evaluate(model, DEV, Path(f"metrics/formats/{Path(config).stem}/{format}-{seed}.json"))
    nlp = spacy.load(model, config={"components.slm_ner.save_io": True})
    docs = list(DocBin().from_disk(DEV).get_docs(nlp.vocab))
    slm: Any = nlp.get_pipe("slm_ner")
    shim = slm.model.shims[0]
    with passes() as rows:
        answers = [part["answer"] for doc in nlp.pipe(doc.text for doc in docs) for part in doc.user_data["slm_ner"]["io"]]
    return {
        "F1": figures["entities"]["strict"]["f1"],
        "intent accuracy": figures["intents"]["accuracy"],
        "pieces written": sum(shim.count_pieces(answers)) / len(docs),
        "passes": sum(rows) / len(docs),
        "docs/s": speed(nlp, docs),
    }


def main(
    config: Annotated[str, typer.Option(help="Config of the trainings.")] = TUNED,
    seeds: Annotated[int, typer.Option(help="Number of seeds.")] = 3,
    steps: Annotated[int, typer.Option(help="Steps of each training.")] = 200,
    formats: Annotated[str, typer.Option(help="Comma separated.")] = "BioLines,SpanLines,InlineTags,TokenLines,TrailingTags",
) -> None:
    rows = {format: [measure(config, format, seed, steps) for seed in range(seeds)] for format in formats.split(",")}
    srsly.write_json("metrics/formats.json", rows)
    lines = ["| format | dev F1 | intent accuracy | pieces a text | passes a text | texts/s |", "| --- " * 6 + "|"]
    for format, runs in rows.items():
        cells = [spread(column(runs, "F1"))]
        cells += [f"{mean(column(runs, 'intent accuracy')):.3f}"]
        cells += [f"{mean(column(runs, name)):.1f}" for name in ("pieces written", "passes")]
        cells += [f"{mean(column(runs, 'docs/s')):.0f}"]
        lines.append(f"| {format} | " + " | ".join(cells) + " |")
    typer.echo("\n".join(lines))


def column(runs: list[dict[str, float]], name: str) -> list[float]:
    return [run[name] for run in runs]


if __name__ == "__main__":
    typer.run(main)
