"""Whether a GPU finds what the CPU finds, and how fast it is, in at most six minutes.

    python benchmarks/gpu.py
    python benchmarks/gpu.py --device cpu --layers 2 --texts 16

It needs torch, transformers, peft and spaCy, but no CuPy: models are moved by torch. Speed is that of the shape of SmolLM2-135M
with random weights, whose answers are forced (see `scripted.py`); what is found is compared with the weights of the bundled base.
"""

from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any, Callable

import spacy
import torch
import typer
from peft import get_peft_model
from scripted import Work, decode, forward, generate
from spacy.tokens import Doc
from transformers import LlamaConfig, LlamaForCausalLM, LlamaModel

from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.formats.token_lines import TokenLines
from spacy_slm_ner.models.encoding.bidirectional import make_bidirectional
from spacy_slm_ner.models.encoding.encoder import Encoder, EncodingOptions
from spacy_slm_ner.models.generation.decoder import Decoder
from spacy_slm_ner.models.generation.generator import Generator
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer
from spacy_slm_ner.models.pretrained.loading import load_causal_lm
from spacy_slm_ner.models.pretrained.lora import create_lora
from spacy_slm_ner.records.convert import Converter
from spacy_slm_ner.records.damage import DamageLog

BASE = "spacy-slm-ner/nano"
SHAPE = {"hidden_size": 576, "intermediate_size": 1536, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152}
LABELS = ("DATE", "TIME", "NAME", "EMAIL")
RECORDS = Path(__file__).parent.parent / "assets" / "train.json"
OPTIONS = EncodingOptions(window=128, overlap=32, pooling="mean", bidirectional=True, batch_pieces=16384)


def ask(docs: list[Doc]) -> list[Request]:
    form = TokenLines(LABELS)
    return [Request(form.render(doc), form.constraint(doc), target=form.target(doc)) for doc in docs]


def compare(docs: list[Doc], device: torch.device) -> str:
    """What is found on both devices, in fp32."""
    found = {}
    for place in (torch.device("cpu"), device):
        generator = Generator(*load_causal_lm(BASE, None, torch.float32, place), torch.float32)
        for reader in ("packed", "padded"):
            if reader == "padded":
                generator.decoder.packed = None
            answers = generator.generate(ask(docs))
            found[reader, place.type] = [answer.text for answer in answers]
    same = [len(set(map(str, (texts, found["packed", "cpu"])))) == 1 for texts in found.values()]
    return f"same answers to {len(docs)} texts, packed and padded, CPU and {device.type}: {all(same)}"


def seconds(run: Callable[[], Any], device: torch.device, repeats: int) -> float:
    """Median time of a run, after one to warm up."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    times = []
    for _ in range(repeats + 1):
        wait()
        start = perf_counter()
        run()
        wait()
        times.append(perf_counter() - start)
    return median(times[1:])


def megabytes(device: torch.device) -> str:
    if device.type != "cuda":
        return "–"
    peak = torch.cuda.max_memory_allocated(device) / 1e6
    torch.cuda.reset_peak_memory_stats(device)
    return f"{peak:,.0f}"


def updates(docs: list[Doc], chat: ChatTokenizer, layers: int, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """An update of an adapter: of `slm_ner`, and of an encoder below `bio_ner`."""
    lora = create_lora(r=16, alpha=32, dropout=0.0)
    config = LlamaConfig(**SHAPE, num_hidden_layers=layers)
    writer = LlamaForCausalLM(config).to(device, dtype)
    generator = Generator(writer, chat, dtype)
    generator.model = get_peft_model(writer, lora.to_peft("CAUSAL_LM"))
    reader = LlamaModel(config).to(device, dtype)
    make_bidirectional(reader)
    encoder = Encoder(get_peft_model(reader, lora.to_peft("FEATURE_EXTRACTION")), chat.tokenizer, dtype, OPTIONS)
    requests = ask(docs)

    def step(loss: Callable[[], torch.Tensor], model: Any, optimizer: torch.optim.Optimizer) -> None:
        loss().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    ways = {
        "update of slm_ner": (partial(generator.nll, requests), generator.model),
        "update of bio_ner's encoder": (partial(encoder.encode, docs, True), encoder.model),
    }
    trained = {name: [value for value in model.parameters() if value.requires_grad] for name, (_, model) in ways.items()}
    return {name: partial(step, *way, torch.optim.AdamW(trained[name], lr=1e-6)) for name, way in ways.items()}


def main(
    device: Annotated[str, typer.Option(help="Where to measure, as torch names it.")] = "cuda",
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 240,
    batch: Annotated[int, typer.Option(help="Texts in a batch.")] = 64,
    layers: Annotated[int, typer.Option(help="Of the model that is timed.")] = 30,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.")] = 3,
    compile: Annotated[bool, typer.Option(help="Also measure one pass as torch.compile makes it.")] = True,
) -> None:
    place = torch.device(device)
    where = torch.cuda.get_device_name(place) if place.type == "cuda" else device
    docs = list(islice(Converter(spacy.blank("en"), DamageLog("repair")).convert([RECORDS]), texts))
    typer.echo(f"{where}, torch {torch.__version__}\n{compare(docs[:64], place)}")
    dtype = torch.bfloat16 if place.type == "cuda" else torch.float32
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE, num_hidden_layers=layers)).to(place, dtype).eval()
    chat = load_causal_lm(BASE, None, torch.float32, torch.device("cpu"))[1]
    work = Work.of(docs, TokenLines(LABELS), Generator(model, chat, dtype), batch, 0.3)
    packed, padded = (Decoder(model, work.batch_pieces) for _ in range(2))
    padded.packed = None
    ways: dict[str, Callable[[], Any]] = {
        "`model.generate`, batched": partial(generate, model, work),
        "packed": partial(decode, packed, work, False),
        "packed, drafts": partial(decode, packed, work, True),
        "padded": partial(decode, padded, work, False),
        "one plain pass over the prompts": partial(forward, model, work),
    }
    if compile:
        compiled = torch.compile(model.base_model, dynamic=True)
        ways["the same, compiled"] = partial(forward, type("Compiled", (), {"base_model": compiled, "device": place})(), work)
    typer.echo(f"{len(docs)} texts, batches of {batch}, {dtype}, {layers} layers\n| | texts/s | peak MB |\n| --- | --- | --- |")
    for name, run in ways.items():
        megabytes(place)
        speed = len(docs) / seconds(run, place, repeats)
        typer.echo(f"| {name} | {speed:,.1f} | {megabytes(place)} |")
    few = docs[:16]
    typer.echo(f"\n| {len(few)} texts | seconds | peak MB |\n| --- | --- | --- |")
    for name, run in updates(few, chat, layers, dtype, place).items():
        megabytes(place)
        typer.echo(f"| {name} | {seconds(run, place, repeats):.3f} | {megabytes(place)} |")


if __name__ == "__main__":
    typer.run(main)
