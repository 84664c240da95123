"""Memory of a trained encoder pipeline over a long stream, and over long texts.

    python benchmarks/encoder_memory.py training/lora/model-best
    ONEDNN_PRIMITIVE_CACHE_CAPACITY=64 python benchmarks/encoder_memory.py training/lora/model-best

The texts are sentences of the records of `corpus/`, drawn by chance and numbered, so that the vocabulary grows as it does in use.
A long text is made of them, and read after the stream.
"""

import random
import resource
from pathlib import Path
from time import perf_counter
from typing import Annotated, Iterator

import spacy
import typer
from spacy.tokens import DocBin


def sentences() -> list[str]:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    docs = DocBin().from_disk("corpus/train.spacy").get_docs(nlp.vocab)
    return [sent.text.strip() for doc in nlp.pipe(doc.text for doc in docs) for sent in doc.sents]


def stream(parts: list[str], texts: int) -> Iterator[str]:
    draw = random.Random(0)
    for number in range(texts):
        yield f"{number}: {' '.join(draw.choices(parts, k=draw.choice((1, 1, 1, 2, 4))))}"


def resident() -> float:
    """Memory that this process holds now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(
    model: Annotated[str, typer.Argument(help="Trained pipeline.")],
    texts: Annotated[int, typer.Option(help="Length of the stream.")] = 100_000,
) -> None:
    nlp, parts = spacy.load(model), sentences()
    start, shown = perf_counter(), {texts // 100, texts // 10, texts // 2, texts}
    for number, _ in enumerate(nlp.pipe(stream(parts, texts)), start=1):
        if number in shown:
            typer.echo(f"{number:,} texts: {resident():,.0f} MB, {perf_counter() - start:.0f} s")
    nlp.max_length = 10**8
    for words in (10_000, 100_000, 200_000):
        text = " ".join(stream(parts, words // 20))
        before = resident()
        doc = nlp(text)
        states = doc.tensor.nbytes / 1e6
        typer.echo(
            f"a text of {len(doc):,} tokens, {states:,.0f} MB of states: {before:,.0f} MB before, {peak():,.0f} MB at most"
        )
        del doc


if __name__ == "__main__":
    typer.run(main)
