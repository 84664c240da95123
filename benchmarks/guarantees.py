"""What `slm_ner` promises whatever its weights are: no illegal span, no unreadable answer, the same result in every batch.

    python benchmarks/guarantees.py --base folder/of/SmolLM2-135M-Instruct

The folder needs the real tokenizer and config.json; its weights may be missing, random ones do. 2,000 random texts a format go
through a tiny model with random weights, under the constraint and free; then some texts go through the real shape in several
batch sizes.
"""

import random
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Iterator, Sequence

import spacy
import srsly
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import fix_random_seed

from spacy_slm_ner.pretraining.new_base import make_base

FORMATS = ("BioLines", "TokenLines", "SpanLines", "InlineTags")
WORDS = ["Come", "at", "4", "pm", "or", "on", "May", "5", "the", "4", "Friday", "morning", "please", "9:30", "Mayor", "Ada"]
WORDS += ["ada@example.org", "五月", "😀", "شكرا", "naïve", "e\u0301", "\\", "[2]", ":", ",", ".", "?!"]
MARKS = ["<|im_end|>", "<|im_start|>", "</DATE>", "<TIME>", "intent:", "B-DATE", "\n", "\t", "\n\n", "\u3000", "\x00", "“", "”"]


def random_texts(number: int, seed: int = 0, most: int = 14) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(number):
        favourite = rng.choice(WORDS)
        parts = [rng.choice(rng.choice([WORDS, WORDS, WORDS, MARKS, [favourite]])) for _ in range(rng.randint(0, most))]
        yield rng.choice(["", " "]).join(parts) if rng.random() < 0.1 else " ".join(parts)


def pipeline(base: str, format: str, **settings: Any) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("en")
    config = {"labels": ["DATE", "TIME", "NAME"], "format": {"@misc": f"spacy-slm-ner.{format}.v1"}, **settings}
    nlp.add_pipe("slm_ner", config={"model": {"base": base, "precision": "fp32", "lora": None}, **config})
    nlp.initialize()
    return nlp


def is_legal(doc: Doc) -> bool:
    """Whether the entities are words of the text that do not overlap, under known labels."""
    apart = all(left.end <= right.start for left, right in pairwise(doc.ents))
    return apart and all(ent.text.strip() and ent.text in doc.text and ent.label_ in ("DATE", "TIME", "NAME") for ent in doc.ents)


def play(base: str, format: str, constrained: bool, texts: Sequence[str]) -> dict[str, Any]:
    """What comes of random texts."""
    nlp = pipeline(base, format, constrained=constrained, intents=["cancel", "inquiry"], cats=True)
    failed: list[Doc] = []
    nlp.set_error_handler(lambda name, pipe, docs, error: failed.extend(docs))
    docs = list(nlp.pipe(texts, batch_size=64))
    problems = [doc.user_data.get("slm_ner", {}).get("problems", []) for doc in docs]
    return {
        "format": format,
        "constrained": constrained,
        "exceptions": len(failed),
        "illegal": sum(not is_legal(doc) for doc in docs),
        "texts with unusable parts": sum(map(bool, problems)),
        "unusable parts": sum(map(len, problems)),
        "entities": sum(len(doc.ents) for doc in docs),
    }


def entities(docs: Sequence[Doc]) -> list[list[tuple[int, int, str]]]:
    return [[(ent.start, ent.end, ent.label_) for ent in doc.ents] for doc in docs]


def compare(base: str, format: str, texts: Sequence[str]) -> tuple[int, float]:
    """Texts whose entities differ between batch sizes or orders, and the largest difference of a score."""
    nlp = pipeline(base, format)
    alone = [nlp(text) for text in texts]
    differing, largest = 0, 0.0
    for size, seed in ((1, None), (3, None), (32, None), (32, 1)):
        order = list(range(len(texts)))
        if seed is not None:
            random.Random(seed).shuffle(order)
        docs = list(nlp.pipe([texts[i] for i in order], batch_size=size))
        for i, doc in zip(order, docs):
            differing += entities([doc]) != entities([alone[i]])
            largest = max([largest, *(abs(a._.score - b._.score) for a, b in zip(doc.ents, alone[i].ents))])
    return differing, largest


def main(
    base: Annotated[Path, typer.Option(help="Folder with the tokenizer and the config of the real shape.")],
    number: Annotated[int, typer.Option(help="Random texts a format.")] = 2000,
    batched: Annotated[int, typer.Option(help="Texts for the comparison of batches.")] = 12,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_base(Path(folder), random_texts(500, seed=1), pieces=500, hidden=16, layers=1, heads=2)
        # Far apart, so that the model wants something, and writes all kinds of answers.
        config = Path(folder, "config.json")
        srsly.write_json(config, {**srsly.read_json(config), "initializer_range": 0.5})
        rows = [play(folder, format, mode, list(random_texts(number))) for format in FORMATS for mode in (True, False)]
    typer.echo("| " + " | ".join(rows[0]) + " |\n" + "| --- " * len(rows[0]) + "|")
    for row in rows:
        typer.echo("| " + " | ".join(str(value) for value in row.values()) + " |")
    for format in FORMATS:
        differing, largest = compare(str(base), format, list(random_texts(batched, seed=2, most=8)))
        typer.echo(f"{format}, batches of 1, 3, 32 and shuffled: {differing} texts differ, scores by {largest:.1e} at most")


if __name__ == "__main__":
    typer.run(main)
