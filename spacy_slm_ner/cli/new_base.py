from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated, Iterator, Optional

import typer
from spacy.tokens import Doc
from spacy.vocab import Vocab

from ..formats.open_labels import FORMATS
from ..pretraining.mixture import TaskMaker
from ..pretraining.new_base import make_base
from ..pretraining.sentences import read_sentences
from ._app import app, clear_errors, console


@app.command("new-base")
def new_base_cli(
    sentences: Annotated[Path, typer.Argument(help="JSON Lines with text, ents and source.")],
    folder: Annotated[Path, typer.Argument(help="Folder for the base.")],
    pieces: Annotated[int, typer.Option(help="Size of the vocabulary.")] = 6000,
    hidden: Annotated[int, typer.Option(help="Width of the model.")] = 192,
    layers: Annotated[int, typer.Option(help="Number of layers.")] = 6,
    heads: Annotated[int, typer.Option(help="Number of attention heads.")] = 6,
    texts: Annotated[int, typer.Option(help="Number of texts for the tokenizer.")] = 100_000,
    encoder: Annotated[Optional[Path], typer.Option(help="Folder of a model that lends its word vectors.")] = None,
) -> None:
    """Make a base that has learned nothing, for the project `projects/nano`: a tokenizer and a small Llama."""
    with clear_errors():
        new_base(sentences, folder, pieces, hidden, layers, heads, texts, encoder)
    console.print(f"{sentences} -> {folder}", soft_wrap=True, markup=False)


def new_base(
    sentences: Path, folder: Path, pieces: int, hidden: int, layers: int, heads: int, texts: int, encoder: Optional[Path] = None
) -> None:
    """Train a tokenizer on the prompts and texts of `spacy-slm-ner.Mixture.v1`, and write it with a newly initialized model.

    RAISES (ReadError): If the sentences cannot be read.
    RAISES (BaseModelError): If no model can have these sizes, or the encoder cannot be read.
    """
    make_base(folder, prompts(sentences, texts), pieces, hidden, layers, heads, encoder)


def prompts(sentences: Path, number: int) -> Iterator[str]:
    """Yield prompts and answers, as the tokenizer will encode them."""
    vocab = Vocab()
    tasks = TaskMaker(read_sentences(sentences), dict.fromkeys(FORMATS, 1.0), Random(0))
    for sentence, task in islice(tasks, number):
        # A prompt holds the text as it is, so one token is enough.
        doc = Doc(vocab, words=[sentence.text], spaces=[False])
        for question in FORMATS[task["format"]](task["labels"], task["intents"]).questions(doc):
            yield "\n".join(message["content"] for message in question.render(doc))
        yield "intent: assistant system user a: B-x: I-x: O\n"
