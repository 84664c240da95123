"""The small base without any tuning: labels named in the prompt, strict F1 on dev, in every format.

    python benchmarks/zero_shot.py

Needs `corpus/dev.spacy`, which `spacy project run all` makes.
"""

from pathlib import Path
from typing import Annotated

import spacy
import typer

from spacy_slm_ner.cli.evaluate import evaluate

FORMATS = ("BioLines", "SpanLines", "InlineTags", "TokenLines", "TrailingTags")


def build(base: str, format: str, labels: list[str]) -> str:
    """A pipeline over a base as it is. RETURNS (str): Its folder."""
    nlp = spacy.blank("en")
    config = {"model": {"base": base}, "format": {"@misc": f"spacy-slm-ner.{format}.v1"}, "labels": labels}
    nlp.add_pipe("slm_ner", config=config)
    nlp.initialize()
    folder = Path(f"training/zero-shot/{format}")
    folder.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(folder)
    return str(folder)


def main(
    base: Annotated[str, typer.Option(help="Folder or name of the base.")] = "spacy-slm-ner/nano",
    labels: Annotated[str, typer.Option(help="Comma separated.")] = "DATE,TIME,NAME,EMAIL",
    data: Annotated[Path, typer.Option(help="DocBin with gold entities.")] = Path("corpus/dev.spacy"),
) -> None:
    typer.echo("| format | F1 | " + " | ".join(labels.split(",")) + " |")
    typer.echo("| --- " * (2 + len(labels.split(","))) + "|")
    for format in FORMATS:
        entities = evaluate(build(base, format, labels.split(",")), data)["entities"]
        figures = [entities["strict"]["f1"], *(entities["per_label"][label]["f1"] for label in labels.split(","))]
        typer.echo(f"| {format} | " + " | ".join(f"{figure:.3f}" for figure in figures) + " |")


if __name__ == "__main__":
    typer.run(main)
