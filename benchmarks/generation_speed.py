"""Documents per second of ways to generate the same answers, and of the plain forward pass that no way can beat.

    python benchmarks/generation_speed.py ../shared/data/tokenizers/SmolLM2-135M-Instruct --texts 64
    python benchmarks/generation_speed.py spacy-slm-ner/nano --texts 256 --format TokenLines

- `script`: `model.generate`, one text at a time, fp32, as in most scripts.
- `batched`: `model.generate`, left-padded batches.
- `ours`: this package's decoder, as many texts at a time; `ours, drafts` with proposed answers, some of which are wrong.
- `limit`: one forward pass over the same prompts, same batches.

All but the first compute in bf16 where the processor has it, as the package does, or else in fp32.

With `--means`, this package's decoder without each of the things that make it fast as well; with `--joined`, texts of all sizes.
All run in one process on the same texts, in turns, and write exactly the same pieces, see `scripted.py`; the figures are medians.
`--plot` needs matplotlib.
"""

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Callable, Iterator, Optional
from unittest.mock import patch

import psutil
import spacy
import srsly
import torch
import typer
from peft import LoraConfig, inject_adapter_in_model
from scripted import Work, decode, forward, generate, one_after_the_other
from spacy.tokens import Doc, DocBin

from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.models.generation import packed_reader
from spacy_slm_ner.models.generation.batch_reader import StepInput
from spacy_slm_ner.models.generation.decoder import Decoder
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.packed_attention import AttentionBlock
from spacy_slm_ner.models.generation.running_sequence import RunningSequence
from spacy_slm_ner.models.pretrained.loading import load_causal_lm
from spacy_slm_ner.models.pretrained.precision import torch_dtype

FORMATS = {"BioLines": BioLines, "TokenLines": TokenLines}
LABELS = ("DATE", "TIME", "NAME", "EMAIL")
LIMIT = "limit"


@dataclass
class Way:
    """A way to write the answers.

    models (list[Any]): What reads.
    work (Work): What is written.
    run (Callable[[], None]): Writes it.
    """

    models: list[Any]
    work: Work
    run: Callable[[], None]
    seconds: list[float] = field(default_factory=list)
    passes: int = 0
    pieces: int = 0
    megabytes: float = 0.0

    def time(self) -> None:
        start = perf_counter()
        self.run()
        self.seconds.append(perf_counter() - start)

    def count(self) -> None:
        """Run once more, to count passes, the pieces read in them (padding included) and memory."""

        def look(module: Any, args: Any, inputs: dict[str, Any]) -> None:
            self.passes += 1
            self.pieces += inputs["input_ids"].numel()

        hooks = [model.base_model.register_forward_pre_hook(look, with_kwargs=True) for model in self.models]
        with peak_megabytes() as peak:
            self.run()
        for hook in hooks:
            hook.remove()
        self.megabytes = peak[0]

    @property
    def speed(self) -> float:
        """Documents per second."""
        return len(self.work.prompts) / median(self.seconds)


def by(decoder: Decoder, work: Work, run: Callable[[], None]) -> Way:
    """A way by this package's decoder, whose model for the heads of prompts may be another than that for what follows."""
    models = {id(model): model for model in (decoder.model, decoder.packed.model if decoder.packed else decoder.model)}
    return Way(list(models.values()), work, run)


@contextmanager
def peak_megabytes() -> Iterator[list[float]]:
    """Most memory of the process beyond that at the start."""
    process, peak, done = psutil.Process(), [0.0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], (process.memory_info().rss - before) / 1e6)

    thread = threading.Thread(target=watch)
    thread.start()
    yield peak
    done.set()
    thread.join()


def without(decoder: Decoder, work: Work, *targets: Any) -> None:
    """Decode with something replaced."""
    with patch.object(*targets):
        decode(decoder, work, False)


def means(model: Any, exact: Any, work: Work) -> dict[str, Way]:
    """This package's decoder without each of its means."""
    adapted = inject_adapter_in_model(LoraConfig(r=16, target_modules="all-linear"), load_again(model))
    plain, beside, full, padded, whole = (Decoder(one, work.batch_pieces) for one in (model, adapted, exact, model, model))
    padded.packed = None
    for head in (whole.lm_head, whole.packed):
        if head is not None:
            head.is_linear = False
    own = work.with_own_heads()
    nothing = lambda row: None
    ways = {
        "the head of the prompt read once": by(plain, own, partial(decode, plain, own, False)),
        "forced pieces read with the next decision": by(
            plain, work, partial(without, plain, work, RunningSequence, "write_forced", nothing)
        ),
        "packed batches": by(padded, work, partial(decode, padded, work, False)),
        "rows that enter a running batch": by(plain, work, partial(without, plain, work, Decoder, "_take", one_after_the_other)),
        "rows of like length attending together": by(
            plain, work, partial(without, plain, work, packed_reader, "make_blocks", one_block)
        ),
        "only allowed pieces scored": by(whole, work, partial(decode, whole, work, False)),
        "bf16": by(full, work, partial(decode, full, work, False)),
        "the adapter merged": by(beside, work, partial(decode, beside, work, False)),
    }
    if model.dtype == exact.dtype:
        del ways["bf16"]
    return ways


def one_block(steps: list[StepInput], device: torch.device) -> list[AttentionBlock]:
    """As `make_blocks`, but all rows attend together."""
    return [AttentionBlock(steps, 0, 0, device)]


def load_again(model: Any) -> Any:
    """A copy, with the same weights."""
    copy = type(model)(model.config).to(model.dtype).eval()
    copy.load_state_dict(model.state_dict())
    return copy


def plot(ways: dict[str, Way], path: Path) -> None:
    """Documents per second as bars, the limit as a line."""
    from matplotlib import pyplot

    limit = ways[LIMIT].speed
    names = [name for name in ways if name != LIMIT][::-1]
    figure, axes = pyplot.subplots(figsize=(9, 0.45 * len(names) + 1.2), layout="constrained")
    bars = axes.barh(names, [ways[name].speed for name in names], color="#4878a8")
    axes.bar_label(
        bars, [f"{ways[name].speed:,.1f} ({ways[name].speed / limit:.2f})" for name in names], padding=3, backgroundcolor="white"
    )
    axes.axvline(limit, color="#b04040", label=f"one forward pass over the prompts: {limit:,.1f}")
    axes.set_xlabel("documents per second (part of the limit)")
    axes.set_xlim(0, 1.25 * max(limit, *(ways[name].speed for name in names)))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.0 + 0.9 / len(names)), frameon=False)
    figure.savefig(path)


def main(
    base: Annotated[str, typer.Argument(help="Folder or name of a base.")],
    data: Annotated[Path, typer.Option(help="DocBin with gold entities.")] = Path("corpus/restaurant8k.spacy"),
    format: Annotated[str, typer.Option(help="BioLines or TokenLines.")] = "BioLines",
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 64,
    joined: Annotated[int, typer.Option(help="Join up to so many texts, at random, to one.")] = 1,
    batch: Annotated[int, typer.Option(help="Texts in a batch.")] = 32,
    wrong: Annotated[float, typer.Option(help="Part of the entities that proposals lack.")] = 0.3,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.")] = 5,
    alone: Annotated[int, typer.Option(help="Texts of the way that reads one at a time.")] = 16,
    each: Annotated[bool, typer.Option("--means", help="Measure each means alone, too.")] = False,
    picture: Annotated[Optional[Path], typer.Option("--plot", help="Where to draw the speeds.")] = None,
) -> None:
    read, choice = list(DocBin().from_disk(data).get_docs(spacy.blank("en").vocab)), random.Random(0)
    if joined > 1:
        read = [Doc.from_docs(choice.sample(read, choice.randint(1, joined))) for _ in range(texts)]
    docs = read[:texts]
    cpu = torch.device("cpu")
    torch.manual_seed(0)
    fast = torch_dtype("auto", cpu)
    model, chat = load_causal_lm(base, None, fast, cpu)
    exact = load_again(model).float()
    model.eval()
    work = Work.of(docs, FORMATS[format](LABELS), Generator(model, chat, fast), batch, wrong)
    few = work.first(alone, 1)
    decoder = Decoder(model, work.batch_pieces)
    ways = {
        "script": Way([exact], few, partial(generate, exact, few)),
        "batched": Way([model], work, partial(generate, model, work)),
        "ours": by(decoder, work, partial(decode, decoder, work, False)),
        "ours, drafts": by(decoder, work, partial(decode, decoder, work, True)),
        LIMIT: Way([model], work, partial(forward, model, work)),
    }
    if each:
        ways |= {f"ours without: {name}": way for name, way in means(model, exact, work).items()}
    for way in ways.values():
        way.count()
    for _ in range(repeats):
        for way in ways.values():
            way.time()
    words = sum(map(len, docs)) / len(docs)
    written = sum(map(len, work.scripts)) / len(docs)
    shared, own = len(work.prompts[0].prefix), sum(len(prompt.suffix) for prompt in work.prompts) / len(docs)
    typer.echo(
        f"{len(docs)} texts of {words:.1f} words, batches of {batch}, {fast}; "
        f"pieces of a prompt: {shared} that all share and {own:.1f} of its own; pieces of an answer: {written:.1f}"
    )
    limit = ways[LIMIT].speed
    typer.echo("| | docs/s | words/s | written pieces/s | of the limit | passes a text | pieces read a text | MB |")
    typer.echo("|" + " --- |" * 8)
    for name, way in ways.items():
        number = len(way.work.prompts)
        pieces = "–" if name == LIMIT else f"{way.speed * written:,.0f}"
        cells = [f"{way.speed:,.2f}", f"{way.speed * words:,.0f}", pieces, f"{way.speed / limit:.2f}"]
        cells += [f"{way.passes / number:.2f}", f"{way.pieces / number:.1f}", f"{way.megabytes:,.0f}"]
        typer.echo(f"| {name} | " + " | ".join(cells) + " |")
    Path("metrics").mkdir(exist_ok=True)
    srsly.write_json(f"metrics/generation-speed-{Path(base).name}-{format}.json", {name: way.speed for name, way in ways.items()})
    if picture is not None:
        plot(ways, picture)


if __name__ == "__main__":
    typer.run(main)
