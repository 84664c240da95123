"""Write tasks of the mixture as piece ids, so that the adapter can be trained where there is no spaCy (see `train_alone.py`).

python prepare.py sentences.jsonl bases/slm tasks.npz --words 2000000
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import spacy
import typer

from spacy_slm_ner.constraints.grammar import CachedGrammar
from spacy_slm_ner.formats.base import Request
from spacy_slm_ner.formats.open_labels import OpenLabels
from spacy_slm_ner.models.generation.training_examples import make_example
from spacy_slm_ner.models.pretrained.chat_tokenizer import ChatTokenizer
from spacy_slm_ner.models.pretrained.tokenizer_files import load_tokenizer
from spacy_slm_ner.pretraining.mixture import create_mixture_v2


def main(
    sentences: Annotated[Path, typer.Argument(help="JSON Lines, as `spacy-slm-ner.Mixture.v2` reads them.")],
    base: Annotated[Path, typer.Argument(help="Folder of the base.")],
    output: Annotated[Path, typer.Argument(help="File to write.")],
    words: Annotated[int, typer.Option(help="Of all texts together.")] = 2_000_000,
    together: Annotated[int, typer.Option(help="Texts under one task.")] = 8,
    format: Annotated[str, typer.Option(help="Of all tasks.")] = "TrailingTags",
    seed: Annotated[int, typer.Option(help="Of the tasks.")] = 0,
) -> None:
    chat, form = ChatTokenizer(load_tokenizer(base)), OpenLabels([])
    pieces, sizes, shared, counts, decisions, allowed = ([] for _ in range(6))
    for eg in create_mixture_v2(sentences, {format: 1.0}, seed, together=together)(spacy.blank("en")):
        doc = eg.reference
        [question] = form.questions(doc)
        request = Request(question.render(doc), CachedGrammar(question.constraint(doc)), target=question.target(doc))
        example = make_example(chat, request)
        pieces += example.pieces
        sizes.append(len(example.pieces))
        shared.append(example.shared)
        counts.append(len(example.decisions))
        for decision in example.decisions:
            among = decision.allowed or ()
            decisions.append((decision.place, decision.piece, len(among)))
            allowed += among
        words -= len(doc)
        if words <= 0:
            break
    arrays = {"pieces": pieces, "sizes": sizes, "shared": shared, "counts": counts, "allowed": allowed}
    small = {name: np.asarray(values, dtype=np.uint16) for name, values in arrays.items()}
    np.savez_compressed(output, **small, decisions=np.asarray(decisions, dtype=np.uint16))
    typer.echo(
        f"{len(sizes)} tasks of {len(pieces)} pieces with {len(decisions)} decisions: {output.stat().st_size / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    typer.run(main)
