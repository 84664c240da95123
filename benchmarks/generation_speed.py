"""Documents per second of four ways to generate the same answers, and of the plain forward pass that no way can beat.

    python benchmarks/generation_speed.py ../shared/data/tokenizers/SmolLM2-135M-Instruct --texts 64
    python benchmarks/generation_speed.py assets/models/nano --texts 256

- `script`: `model.generate`, one text at a time, fp32, as in most scripts.
- `batched`: `model.generate`, left-padded batches, bf16.
- `ours`: this package's decoder, bf16; `ours, drafts` with proposed answers.
- `limit`: one forward pass over the same prompts, same batches, bf16.

A base without weights gets random ones, which write nonsense, so all of them are made to write the gold answers: the scores are
computed, and then the gold piece is taken. Proposals lack a part of the gold entities (`--wrong`). All variants run in one
process on the same texts, in turns; the figures are medians.
"""

import random
import resource
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Callable
from unittest.mock import patch

import spacy
import srsly
import torch
import typer
from spacy.tokens import Doc, DocBin, Span
from transformers import LogitsProcessor

from spacy_slm_ner.decoding.draft import Draft
from spacy_slm_ner.decoding.walker import GrammarWalker
from spacy_slm_ner.formats.base import PromptFormat, Request
from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.models.decoder import Decoder, Row
from spacy_slm_ner.models.generator import Generator
from spacy_slm_ner.models.head import Read
from spacy_slm_ner.models.loading import load_causal_lm

FORMATS = {"BioLines": BioLines, "TokenLines": TokenLines}
LABELS = ("DATE", "TIME", "NAME", "EMAIL")


class Scripted(GrammarWalker):
    """A walker that knows what is to be written."""

    def __init__(self, request: Request, chat: Any, script: list[int]) -> None:
        super().__init__(request.grammar, chat.encode, chat.end)
        self.script = script
        self.written = 0

    def step(self, piece: int, logprob: float = 0.0) -> None:
        super().step(piece, logprob)
        self.written += 1


def scripted_step(row: Row, read: Read, number: int, column: int) -> int:
    """As `Row._step`, but the piece of the script is taken."""
    walker: Any = row.walker
    allowed = walker.allowed()
    piece = walker.script[walker.written]
    if len(allowed) > 1:
        scores = read.scores(number, column, allowed)
        scores[allowed.index(piece)] = scores.max() + 1.0
        piece = allowed[int(scores.argmax())]
    walker.step(piece, 0.0)
    return int(piece)


class Force(LogitsProcessor):
    """Lets `generate` write a script."""

    def __init__(self, scripts: list[list[int]], start: int, end: int) -> None:
        self.scripts, self.start, self.end = scripts, start, end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        step = input_ids.shape[1] - self.start
        for row, script in enumerate(self.scripts):
            scores[row, script[step] if step < len(script) else self.end] = scores[row].max() + 1.0
        return scores


@dataclass
class Work:
    """What all variants do."""

    requests: list[Request]
    prompts: list[list[int]]
    scripts: list[list[int]]
    drafts: list[Draft]
    batch: int
    chat: Any

    def batches(self) -> list[range]:
        return [range(i, min(i + self.batch, len(self.prompts))) for i in range(0, len(self.prompts), self.batch)]


def generate(model: Any, work: Work) -> None:
    """As users call it."""
    for batch in work.batches():
        prompts, scripts = [work.prompts[i] for i in batch], [work.scripts[i] for i in batch]
        width = max(map(len, prompts))
        ids = torch.tensor([[work.chat.end] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        found = model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(map(len, scripts)),
            do_sample=False,
            eos_token_id=work.chat.end,
            pad_token_id=work.chat.end,
            logits_processor=[Force(scripts, width, work.chat.end)],
        )
        for row, script in zip(found[:, width:].tolist(), scripts):
            assert row[: len(script)] == script


def ours(decoder: Decoder, work: Work, drafts: bool) -> None:
    """This package's decoder."""
    with patch.object(Row, "_step", scripted_step):
        for batch in work.batches():
            requests = [work.requests[i] for i in batch]
            walkers = [Scripted(request, work.chat, work.scripts[i]) for i, request in zip(batch, requests)]
            prompts = [work.chat.prompt(request.messages) for request in requests]
            decoder.decode(prompts, walkers, [work.drafts[i] for i in batch] if drafts else None)
            for i, walker in zip(batch, walkers):
                assert walker.written == len(work.scripts[i])


@torch.inference_mode()
def forward(model: Any, work: Work) -> None:
    """What a token classifier needs."""
    order = sorted(range(len(work.prompts)), key=lambda i: len(work.prompts[i]))
    for start in range(0, len(order), work.batch):
        prompts = [work.prompts[i] for i in order[start : start + work.batch]]
        width = max(map(len, prompts))
        ids = torch.tensor([prompt + [0] * (width - len(prompt)) for prompt in prompts])
        mask = torch.tensor([[1] * len(prompt) + [0] * (width - len(prompt)) for prompt in prompts])
        model.base_model(input_ids=ids, attention_mask=mask, use_cache=False)


def altered(form: PromptFormat, doc: Doc, wrong: float, choice: random.Random) -> str:
    """The gold answer without some of its entities."""
    copy = Doc(doc.vocab, words=[token.text for token in doc], spaces=[bool(token.whitespace_) for token in doc])
    kept = [ent for ent in doc.ents if choice.random() >= wrong]
    copy.set_ents([Span(copy, ent.start, ent.end, label=ent.label_) for ent in kept], default="outside")
    return form.target(copy)


def main(
    base: Annotated[str, typer.Argument(help="Folder of a base.")],
    data: Annotated[Path, typer.Option(help="DocBin with gold entities.")] = Path("corpus/restaurant8k.spacy"),
    format: Annotated[str, typer.Option(help="BioLines or TokenLines.")] = "BioLines",
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 64,
    batch: Annotated[int, typer.Option(help="Texts in a batch.")] = 32,
    wrong: Annotated[float, typer.Option(help="Part of the entities that proposals lack.")] = 0.3,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.")] = 5,
    alone: Annotated[int, typer.Option(help="Texts of the variant that reads one at a time.")] = 16,
) -> None:
    docs = list(DocBin().from_disk(data).get_docs(spacy.blank("en").vocab))[:texts]
    cpu = torch.device("cpu")
    exact, chat = load_causal_lm(base, None, torch.float32, cpu)
    half = load_causal_lm(base, None, torch.bfloat16, cpu)[0].eval()
    exact.eval()
    form = FORMATS[format](LABELS)
    requests = [Request(form.render(doc), form.constraint(doc), target=form.target(doc)) for doc in docs]
    generator = Generator(half, chat, torch.bfloat16)
    scripts = [generator.target_pieces(request) for request in requests]
    prompts = [[*prompt.head, *prompt.body] for prompt in (chat.prompt(request.messages) for request in requests)]
    choice = random.Random(0)
    drafts = [Draft(request.grammar, altered(form, doc, wrong, choice)) for request, doc in zip(requests, docs)]
    work = Work(requests, prompts, scripts, drafts, batch, chat)
    few = Work(requests[:alone], prompts[:alone], scripts[:alone], drafts[:alone], 1, chat)
    decoder = Decoder(half)
    runs: dict[str, tuple[int, Callable[[], None]]] = {
        "script": (len(few.prompts), lambda: generate(exact, few)),
        "batched": (len(docs), lambda: generate(half, work)),
        "ours": (len(docs), lambda: ours(decoder, work, False)),
        "ours, drafts": (len(docs), lambda: ours(decoder, work, True)),
        "limit": (len(docs), lambda: forward(half, work)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats + 1):
        for name, (_, run) in runs.items():
            start = perf_counter()
            run()
            seconds[name].append(perf_counter() - start)
    speeds = {name: number / median(seconds[name][1:]) for name, (number, _) in runs.items()}
    words, pieces = sum(map(len, docs)) / len(docs), sum(map(len, scripts)) / len(docs)
    mean_prompt = sum(map(len, prompts)) / len(docs)
    typer.echo(f"{len(docs)} texts, {words:.1f} words, prompts of {mean_prompt:.1f} pieces, answers of {pieces:.1f} pieces")
    typer.echo("| | docs/s | words/s | generated pieces/s | of the limit |\n| --- | --- | --- | --- | --- |")
    for name, speed in speeds.items():
        written = "–" if name == "limit" else f"{speed * pieces:,.0f}"
        typer.echo(f"| {name} | {speed:,.1f} | {speed * words:,.0f} | {written} | {speed / speeds['limit']:.2f} |")
    typer.echo(f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")
    srsly.write_json(f"metrics/generation-speed-{Path(base).name}-{format}.json", speeds)


if __name__ == "__main__":
    typer.run(main)
