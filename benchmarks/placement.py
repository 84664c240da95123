"""Time to find the places of entities that an answer names by their words, in a text of 100,000 characters.

python benchmarks/placement.py
"""

from random import Random
from time import perf_counter

import spacy
import typer
from spacy.tokens import Doc

from spacy_slm_ner.formats.entity_locator import AnswerContent, NamedEntity, locate_content
from spacy_slm_ner.formats.placement import Placement

MENTIONS, CHARACTERS = 200, 100_000


def measure(name: str, doc: Doc, words: list[str], placement: Placement) -> None:
    """Print the seconds, and how many were found."""
    entities = [NamedEntity(one, "A", None, 0, 1) for one in words]
    start = perf_counter()
    parsed = locate_content(AnswerContent(entities, [], []), doc, ["A"], [], placement)
    typer.echo(f"| {name} | {len(parsed.found)} | {perf_counter() - start:.2f} |")


def main() -> None:
    rng, nlp = Random(0), spacy.blank("en")
    nlp.max_length = 10_000_000
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9))) for _ in range(3000)]
    text = " ".join(rng.choice(vocabulary) for _ in range(CHARACTERS // 6))[:CHARACTERS].rpartition(" ")[0]
    doc = nlp.make_doc(text)
    places = sorted(rng.sample(range(len(doc) - 3), MENTIONS))
    words = [doc[place : place + 3].text for place in places]
    typer.echo("| answer | found | seconds |\n| --- | --- | --- |")
    measure("as written", doc, words, Placement())
    measure("in capitals", doc, [one.upper() for one in words], Placement())
    measure("one letter wrong", doc, [f"{one[:4]}ø{one[5:]}" for one in words], Placement(fuzzy=0.8))
    measure("not in the text", doc, [f"{one[::-1]}øøø" for one in words], Placement(fuzzy=0.8))
    same = nlp.make_doc("word " * (CHARACTERS // 5))
    measure("the same word", same, ["word"] * MENTIONS, Placement())
    measure("the same word, all its places", same, ["word"], Placement("all"))


if __name__ == "__main__":
    typer.run(main)
