"""What a user of a trained pipeline meets beside its speed in batches; `bound` is for `slm_ner` alone.

    python benchmarks/running_costs.py start training/slm/calibrated      # from a new process to the first entity
    python benchmarks/running_costs.py stream training/slm/calibrated     # memory in a long stream
    python benchmarks/running_costs.py lengths training/slm/calibrated    # time and memory against the length of a text
    python benchmarks/running_costs.py batches training/slm/calibrated    # texts a second by batch size
    python benchmarks/running_costs.py processes training/slm/calibrated  # texts a second by n_process
    python benchmarks/running_costs.py bound training/slm/calibrated      # beside one plain pass over texts and answers

Texts are those of a DocBin, whatever their annotation.
"""

import resource
import subprocess
import sys
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Iterator, Sequence
from unittest.mock import patch

import psutil
import spacy
import torch
import typer
from scripted import plain_pass
from spacy.tokens import DocBin

from spacy_slm_ner.models.generation.batch_reader import StepInput
from spacy_slm_ner.models.generation.lm_head import StepLogits
from spacy_slm_ner.models.generation.packed_reader import PackedReader

app = typer.Typer(add_completion=False, help=__doc__)
Pipeline = Annotated[str, typer.Argument(help="Trained pipeline.")]
Data = Annotated[Path, typer.Option(help="DocBin whose texts are read.")]
TURNS = Path("corpus/restaurant8k.spacy")
START = """
from time import perf_counter
start = perf_counter()
import spacy
imported = perf_counter()
nlp = spacy.load({model!r})
loaded = perf_counter()
nlp("Could we move Thursday's 4 pm call to May 4 at 10?")
print(imported - start, loaded - imported, perf_counter() - loaded)
"""


def read(data: Path) -> list[str]:
    return [doc.text for doc in DocBin().from_disk(data).get_docs(spacy.blank("en").vocab)]


def numbered(texts: list[str]) -> Iterator[str]:
    """Texts again and again, no two alike, as those that are would be answered once."""
    return (f"{text} ({number})" for number, text in enumerate(cycle(texts)))


def speed(nlp: Any, texts: list[str], repeats: int = 3, **settings: Any) -> float:
    """Texts a second, median."""
    found = []
    for _ in range(repeats):
        start = perf_counter()
        for _ in nlp.pipe(texts, **settings):
            pass
        found.append(perf_counter() - start)
    return len(texts) / median(found)


@app.command()
def start(model: Pipeline, repeats: int = 5) -> None:
    """Seconds of a new process."""
    runs = [subprocess.check_output([sys.executable, "-c", START.format(model=model)], text=True) for _ in range(repeats)]
    columns = zip(*([float(value) for value in run.split()] for run in runs))
    typer.echo("| import spacy | spacy.load | first text |\n| --- | --- | --- |")
    typer.echo("| " + " | ".join(f"{median(column):.2f} s" for column in columns) + " |")


@app.command()
def stream(model: Pipeline, data: Data = TURNS, texts: int = 100_000, steps: int = 10) -> None:
    """Memory of the process while it reads a stream."""
    nlp, process = spacy.load(model), psutil.Process()
    typer.echo("| texts | MB |\n| --- | --- |")
    started = perf_counter()
    for number, _ in enumerate(nlp.pipe(islice(numbered(read(data)), texts), batch_size=256), 1):
        if number % (texts // steps) == 0:
            typer.echo(f"| {number:,} | {process.memory_info().rss / 1e6:,.0f} |")
    typer.echo(f"{texts / (perf_counter() - started):,.0f} texts a second")


@app.command()
def lengths(model: Pipeline, data: Data = Path("corpus/dev.spacy"), longest: int = 12_800) -> None:
    """Seconds for texts of growing length, and the most memory that the process had so far."""
    nlp = spacy.load(model)
    nlp.max_length = 100 * longest
    words = " ".join(text for text in islice(numbered(read(data)), longest)).split(" ")
    typer.echo("| words | seconds | words a second | MB |\n| --- | --- | --- | --- |")
    size = 50
    while size <= longest:
        taken = 1 / speed(nlp, [" ".join(words[:size])])
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        typer.echo(f"| {size:,} | {taken:.2f} | {size / taken:,.0f} | {memory:,.0f} |")
        size *= 4


@app.command()
def batches(model: Pipeline, data: Data = TURNS) -> None:
    """Texts a second by batch size."""
    nlp, texts = spacy.load(model), read(data)
    typer.echo("| batch size | texts a second |\n| --- | --- |")
    for size in (1, 4, 16, 64, 256):
        typer.echo(f"| {size} | {speed(nlp, texts, batch_size=size):,.0f} |")


@app.command()
def processes(model: Pipeline, data: Data = TURNS, texts: int = 2_000) -> None:
    """Texts a second by number of processes, which share the cores."""
    nlp, chosen = spacy.load(model), list(islice(numbered(read(data)), texts))
    typer.echo("| n_process | threads each | texts a second |\n| --- | --- | --- |")
    cores = torch.get_num_threads()
    for number in (1, 2):
        torch.set_num_threads(cores // number)
        typer.echo(f"| {number} | {cores // number} | {speed(nlp, chosen, batch_size=64, n_process=number):,.0f} |")


@app.command()
def bound(model: Pipeline, data: Data = Path("corpus/test.spacy"), batch: int = 32, repeats: int = 5) -> None:
    """Words a second beside one plain pass of the same model over texts and answers: what no way to write them can beat.

    The pass is that of transformers, in batches of like length. It does not read the instruction, which all texts share and the
    package reads once, and it chooses no pieces.
    """
    nlp = spacy.load(model, config={"components.slm_ner.save_io": True})
    slm: Any = nlp.get_pipe("slm_ner")
    generator, texts = slm.model.shims[0].generator, read(data)
    with pieces_read() as passes:
        docs = list(nlp.pipe(texts))
    parts = [part for doc in docs for part in doc.user_data["slm_ner"]["io"]]
    rows = [[*generator.chat.prompt(part["prompt"]).suffix, *generator.chat.encode_plain(part["answer"])] for part in parts]
    rows.sort(key=len)
    batches = [rows[start : start + batch] for start in range(0, len(rows), batch)]
    ways = {
        "pipeline": lambda: list(nlp.pipe(texts)),
        "plain pass": lambda: [plain_pass(generator.decoder.model, batch) for batch in batches],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = perf_counter()
            way()
            seconds[name].append(perf_counter() - start)
    words, pieces = sum(map(len, docs)), sum(map(len, rows))
    taken = {name: median(runs) for name, runs in seconds.items()}
    typer.echo(f"{words:,} words, {pieces:,} pieces; the pipeline reads {sum(passes):,} in {len(passes)} passes")
    typer.echo("| | words a second | of the plain pass |\n| --- | --- | --- |")
    for name, figure in taken.items():
        typer.echo(f"| {name} | {words / figure:,.0f} | {taken['plain pass'] / figure:.2f} |")


@contextmanager
def pieces_read() -> Iterator[list[int]]:
    """Number of pieces of each pass of a generator."""
    found, read_steps = [], PackedReader.read

    def count(reader: PackedReader, steps: Sequence[StepInput], whole: bool) -> StepLogits:
        found.append(sum(len(step.pieces) for step in steps))
        return read_steps(reader, steps, whole)

    with patch.object(PackedReader, "read", count):
        yield found


if __name__ == "__main__":
    app()
