"""Seconds of an update of `slm_ner`, beside the same update in a bare loop of peft and transformers.

    python benchmarks/training_step.py spacy-slm-ner/nano
    python benchmarks/training_step.py ../shared/data/tokenizers/SmolLM2-135M-Instruct --texts 16

Both update the same model, with the same adapter, batch and precision, in turns; the figures are medians. The bare loop does what
the `Trainer` of transformers does with a causal language model: labels on the pieces of the answer, the loss over all pieces.
"""

from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import spacy
import torch
import typer
from spacy.tokens import DocBin
from spacy.training import Example
from torch.nn.utils.rnn import pad_sequence

from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.training_examples import target_pieces

# What no label is.
IGNORED = -100


def bare_update(generator: Generator, requests: list[Request], optimizer: torch.optim.Optimizer) -> None:
    """One update of the adapter."""
    ids, labels = [], []
    for request in requests:
        prompt = generator.chat.prompt(request.messages)
        answer = target_pieces(generator.chat, request)
        start = len(prompt.prefix) + len(prompt.suffix)
        ids.append(torch.tensor([*prompt.prefix, *prompt.suffix, *answer]))
        labels.append(torch.tensor([IGNORED] * start + answer))
    mask = pad_sequence([torch.ones(len(row), dtype=torch.long) for row in ids], batch_first=True)
    generator.model.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=generator.dtype == torch.bfloat16):
        loss = generator.model(
            input_ids=pad_sequence(ids, batch_first=True),
            attention_mask=mask,
            labels=pad_sequence(labels, batch_first=True, padding_value=IGNORED),
        ).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def main(
    base: Annotated[str, typer.Argument(help="Folder or name of a base.")],
    data: Annotated[Path, typer.Option(help="DocBin with gold entities.")] = Path("corpus/train.spacy"),
    texts: Annotated[int, typer.Option(help="Texts of an update.")] = 16,
    format: Annotated[str, typer.Option(help="Name of the prompt format.")] = "TokenLines",
    rank: Annotated[int, typer.Option(help="Of the adapter.")] = 16,
    repeats: Annotated[int, typer.Option(help="Timed updates of each.")] = 10,
) -> None:
    nlp = spacy.blank("en")
    lora = {"@misc": "spacy-slm-ner.Lora.v1", "r": rank, "alpha": rank, "dropout": 0.05, "targets": "all-linear"}
    form_config = {"@misc": f"spacy-slm-ner.{format}.v1"}
    config: dict[str, Any] = {"model": {"base": base, "lora": lora}, "format": form_config, "cats": False}
    slm: Any = nlp.add_pipe("slm_ner", config=config)
    docs = islice(DocBin().from_disk(data).get_docs(nlp.vocab), texts)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    sgd = nlp.create_optimizer()
    generator = slm.model.shims[0].generator
    form, gold = slm.format, [eg.reference for eg in examples]
    requests = [Request(form.render(doc), form.constraint(doc), target=form.target(doc)) for doc in gold]
    trained = [parameter for parameter in generator.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6)
    ours, bare = [], []
    for _ in range(repeats + 1):
        start = perf_counter()
        nlp.update(examples, sgd=sgd)
        ours.append(perf_counter() - start)
        start = perf_counter()
        bare_update(generator, requests, optimizer)
        bare.append(perf_counter() - start)
    mine, theirs = median(ours[1:]), median(bare[1:])
    typer.echo(f"{texts} texts, {sum(value.numel() for value in trained):,} trained parameters, {generator.dtype}")
    typer.echo(f"| slm_ner | bare loop | ratio |\n| --- | --- | --- |\n| {mine:.3f} s | {theirs:.3f} s | {mine / theirs:.2f} |")


if __name__ == "__main__":
    typer.run(main)
