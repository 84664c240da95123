"""Bases without any tuning: labels named in the prompt, without and with examples, in every format. Strict F1 on dev.

    python benchmarks/zero_shot.py --base bases/slm
    python benchmarks/zero_shot.py --base bases/slm --start smollm2-ner
    python benchmarks/zero_shot.py --base spacy-slm-ner/nano

Needs `corpus/` and `bases/slm`, which `spacy project run all` makes. The examples are five training records, the same for all
texts, chosen with each of some seeds.
"""

from pathlib import Path
from statistics import mean
from time import perf_counter
from typing import Annotated, Any, Optional

import spacy
import typer
from spacy.language import Language
from spacy.tokens import DocBin
from spacy.training import Example

from spacy_slm_ner.evaluation.evaluate import bare_doc
from spacy_slm_ner.evaluation.strict import agreed_scores

FORMATS = ("BioLines", "SpanLines", "InlineTags", "TokenLines", "TrailingTags", "Json", "Gollie", "UniNER")


def build(base: str, start: Optional[str], form: dict[str, Any], labels: list[str]) -> Language:
    """A pipeline over a base as it is."""
    nlp = spacy.blank("en")
    lora = {"@misc": "spacy-slm-ner.Lora.v2", "start": start}
    nlp.add_pipe("slm_ner", config={"model": {"base": base, "lora": lora}, "format": form, "labels": labels})
    nlp.initialize()
    return nlp


def f1(nlp: Language, data: Path, texts: Optional[int]) -> float:
    """Strict F1 of a pipeline."""
    gold = list(DocBin().from_disk(data).get_docs(nlp.vocab))[:texts]
    docs = [bare_doc(nlp, doc, gold_preproc=True) for doc in gold]
    return agreed_scores([Example(*pair) for pair in zip(nlp.pipe(docs), gold)])["all"][2]


def main(
    base: Annotated[str, typer.Option(help="Folder or name of the base.")] = "bases/slm",
    start: Annotated[Optional[str], typer.Option(help="First weights of the adapter; none if not given.")] = None,
    labels: Annotated[str, typer.Option(help="Comma separated.")] = "DATE,TIME,NAME,EMAIL",
    data: Annotated[Path, typer.Option(help="DocBin with gold entities.")] = Path("corpus/dev.spacy"),
    examples: Annotated[Path, typer.Option(help="DocBin that the examples are from.")] = Path("corpus/train.spacy"),
    shots: Annotated[int, typer.Option(help="Number of examples.")] = 5,
    seeds: Annotated[int, typer.Option(help="Number of choices of examples.")] = 3,
    formats: Annotated[str, typer.Option(help="Comma separated.")] = ",".join(FORMATS),
    texts: Annotated[Optional[int], typer.Option(help="Number of texts; all if not given.")] = None,
) -> None:
    typer.echo(f"| format | zero-shot | {shots}-shot | seconds |\n| --- | --- | --- | --- |")
    for format in formats.split(","):
        begin = perf_counter()
        form = {"@misc": f"spacy-slm-ner.{format}.v1"}
        few = {"@misc": "spacy-slm-ner.FewShot.v1", "format": form, "examples": str(examples), "k": shots, "selection": "random"}
        without = f1(build(base, start, form, labels.split(",")), data, texts)
        found = [f1(build(base, start, {**few, "seed": seed}, labels.split(",")), data, texts) for seed in range(seeds)]
        spread = f"{mean(found):.3f} ({min(found):.3f}–{max(found):.3f})"
        typer.echo(f"| {format} | {without:.3f} | {spread} | {perf_counter() - begin:.0f} |")


if __name__ == "__main__":
    typer.run(main)
