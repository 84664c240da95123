"""UniNER, ten questions about each text, with what their prompts share read once, and with each question read from scratch.

    python -m spacy_slm_ner convert crossner/politics/test.txt -o corpus/politics --labels ""
    python benchmarks/questions_speed.py corpus/politics/test.spacy

Needs `bases/slm`, which `spacy project run all` makes. Questions from scratch are batched and constrained alike.
"""

from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Sequence
from unittest.mock import patch

import spacy
import typer
from spacy.tokens import DocBin
from turns import in_turns

from spacy_slm_ner.evaluation.evaluate import bare_doc
from spacy_slm_ner.models.generation import decoder as decoding
from spacy_slm_ner.types import Span

TYPES = "politician,person,organisation,politicalparty,event,election,country,location,misc,date"


def nothing_shared(prefixes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """What a decoder would share if it did not look: the first piece."""
    return [prefix[:1] for prefix in prefixes]


def main(
    data: Annotated[Path, typer.Argument(help="DocBin.")],
    base: Annotated[str, typer.Option(help="Folder or name of the base.")] = "bases/slm",
    labels: Annotated[str, typer.Option(help="Comma separated.")] = TYPES,
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 100,
    repeats: Annotated[int, typer.Option(help="Number of turns.")] = 3,
) -> None:
    nlp = spacy.blank("en")
    form = {"@misc": "spacy-slm-ner.UniNER.v1"}
    nlp.add_pipe("slm_ner", config={"model": {"base": base}, "format": form, "labels": labels.split(",")})
    nlp.initialize()
    docs = list(islice(DocBin().from_disk(data).get_docs(nlp.vocab), texts))
    found: dict[str, list[list[Span]]] = {}

    def answer() -> list[list[Span]]:
        fresh = [bare_doc(nlp, doc, gold_preproc=True) for doc in docs]
        return [[Span(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in nlp.pipe(fresh)]

    def shared() -> None:
        found["shared"] = answer()

    def from_scratch() -> None:
        with patch.object(decoding, "shared_prefixes", nothing_shared):
            found["scratch"] = answer()

    seconds = in_turns({"shared": shared, "from scratch": from_scratch}, repeats)
    for name, runs in seconds.items():
        typer.echo(f"{name}: {median(runs):.1f} s ({min(runs):.1f}–{max(runs):.1f})")
    entities = [span for doc in found["shared"] for span in doc]
    same = sum(one == other for one, other in zip(found["shared"], found["scratch"]))
    ratio = median(seconds["from scratch"]) / median(seconds["shared"])
    typer.echo(f"{ratio:.2f} times as fast; the same entities in {same} of {len(docs)} texts ({len(entities)} entities)")


if __name__ == "__main__":
    typer.run(main)
