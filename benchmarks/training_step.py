"""Seconds of an update of `slm_ner`, beside the same update in a bare loop of peft and transformers.

    python benchmarks/training_step.py spacy-slm-ner/nano
    python benchmarks/training_step.py HuggingFaceTB/SmolLM2-135M-Instruct --format TrailingTags --texts 8 --repeats 5
    python benchmarks/training_step.py HuggingFaceTB/SmolLM2-135M-Instruct --texts 8 --repeats 5 --alone ours

Both update an adapter over the same base, with the same share of dropout, batch and precision, in turns; the figures are medians.
The bare loop does what the `Trainer` of transformers does with a causal language model: labels on the pieces of the answer, the
loss over all pieces. Alone, one of them is run, for its peak of memory.
"""

import resource
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Callable, Optional

import spacy
import torch
import typer
from peft import get_peft_model
from spacy.tokens import DocBin
from spacy.training import Example
from torch.nn.utils.rnn import pad_sequence
from turns import in_turns

from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.generation.training_examples import make_example, target_pieces
from spacy_slm_ner.models.pretrained.loading import load_causal_lm
from spacy_slm_ner.models.pretrained.lora import create_lora

# What no label is.
IGNORED = -100


def bare_update(model: Any, generator: Generator, requests: list[Request], optimizer: torch.optim.Optimizer) -> None:
    """One update of the adapter.

    model (Any): A plain `PeftModel`.
    generator (Generator): For its tokenizer and precision.
    """
    ids, labels = [], []
    for request in requests:
        prompt = generator.chat.prompt(request.messages)
        answer = target_pieces(generator.chat, request)
        start = len(prompt.prefix) + len(prompt.suffix)
        ids.append(torch.tensor([*prompt.prefix, *prompt.suffix, *answer]))
        labels.append(torch.tensor([IGNORED] * start + answer))
    mask = pad_sequence([torch.ones(len(row), dtype=torch.long) for row in ids], batch_first=True)
    model.train()
    with torch.autocast("cpu", torch.bfloat16, enabled=generator.dtype == torch.bfloat16):
        loss = model(
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
    dropout: Annotated[float, typer.Option(help="Of the adapter.")] = 0.05,
    repeats: Annotated[int, typer.Option(help="Timed updates of each.")] = 10,
    alone: Annotated[Optional[str], typer.Option(help="ours or bare: run that one alone.")] = None,
) -> None:
    nlp = spacy.blank("en")
    lora = {"@misc": "spacy-slm-ner.Lora.v2", "r": rank, "alpha": rank, "dropout": dropout, "targets": "all-linear"}
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
    peft_config = create_lora(rank, rank, dropout).to_peft("CAUSAL_LM")
    plain = get_peft_model(load_causal_lm(base, None, generator.dtype, generator.model.device)[0], peft_config)
    optimizer = torch.optim.AdamW([value for value in plain.parameters() if value.requires_grad], lr=1e-6)
    updates: dict[str, Callable[[], Any]] = {
        "ours": lambda: nlp.update(examples, sgd=sgd),
        "bare": lambda: bare_update(plain, generator, requests, optimizer),
    }
    before = peak()
    seconds = in_turns({name: update for name, update in updates.items() if alone in (None, name)}, repeats)
    trained = sum(value.numel() for value in generator.model.parameters() if value.requires_grad)
    read = [make_example(generator.chat, request) for request in requests]
    pieces = sum(len(example.pieces) for example in read)
    typer.echo(f"{texts} texts of {pieces} pieces with prompts, {trained:,} trained parameters, {generator.dtype}")
    for name, taken in seconds.items():
        typer.echo(f"{name}: {median(taken):.3f} s ({min(taken[1:]):.3f} to {max(taken[1:]):.3f})")
    if alone is None:
        typer.echo(f"ratio: {median(seconds['ours']) / median(seconds['bare']):.2f}")
    else:
        typer.echo(f"memory: {peak():.1f} GB at most, {before:.1f} GB before the first update, with both models")


def peak() -> float:
    """Most memory that this process had so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    typer.run(main)
