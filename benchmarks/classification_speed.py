"""Words per second of a trained token classifier, beside the Hugging Face pipeline and `hf_token_pipe` with the same weights.

    pip install --no-deps spacy-huggingface-pipelines==0.0.4
    python benchmarks/classification_speed.py training/lora/model-best corpus/wnut17-dev.spacy

The adapter is merged into the base, and the head becomes that of a `BertForTokenClassification`, which reads one piece where
`bio_ner` reads the mean of a token's pieces. All run in one process on the same texts, in turns; the figures are medians.
"""

from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Callable

import spacy
import torch
import typer
from spacy.tokens import DocBin
from transformers import AutoConfig, AutoModelForTokenClassification, pipeline
from turns import in_turns

from spacy_slm_ner.models.pretrained.adapters import for_use


def export(nlp: Any, folder: Path) -> None:
    """Write what a pipeline of `tok2vec` over a BERT and `bio_ner` has learned as transformers has it."""
    encoder = nlp.get_pipe("tok2vec").model.shims[0].loaded
    ner = nlp.get_pipe("bio_ner")
    base = for_use(encoder.model, torch.float32)
    numbers = dict(enumerate(ner.tags))
    config = AutoConfig.for_model(
        **{**base.config.to_dict(), "id2label": numbers, "label2id": {v: k for k, v in numbers.items()}}
    )
    model = AutoModelForTokenClassification.from_config(config)
    getattr(model, model.base_model_prefix).load_state_dict(base.state_dict())
    head = ner.model.get_ref("output_layer")
    model.classifier.weight.data = torch.tensor(head.get_param("W"))
    model.classifier.bias.data = torch.tensor(head.get_param("b"))
    model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)


def main(
    model: Annotated[str, typer.Argument(help="Trained pipeline of configs/lora.cfg.")],
    data: Annotated[Path, typer.Argument(help="DocBin whose texts are read.")],
    texts: Annotated[int, typer.Option(help="Number of texts.")] = 500,
    batch: Annotated[int, typer.Option(help="Texts in a batch.")] = 64,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.")] = 5,
) -> None:
    ours = spacy.load(model)
    ours.select_pipes(enable=["tok2vec", "bio_ner"])
    exact = spacy.load(model, config={"components.tok2vec.model.precision": "fp32"})
    exact.select_pipes(enable=["tok2vec", "bio_ner"])
    docs = list(islice(DocBin().from_disk(data).get_docs(ours.vocab), texts))
    read, words = [doc.text for doc in docs], sum(map(len, docs))
    folder = Path("training/exported")
    export(ours, folder)
    wrapped = spacy.blank("en")
    wrapped.add_pipe("hf_token_pipe", config={"model": str(folder)})
    plain, half = (
        pipeline("token-classification", model=str(folder), aggregation_strategy="simple", torch_dtype=dtype)
        for dtype in (torch.float32, torch.bfloat16)
    )
    runs: dict[str, Callable[[], Any]] = {
        "bio_ner, bf16": lambda: list(ours.pipe(read, batch_size=batch)),
        "bio_ner, fp32": lambda: list(exact.pipe(read, batch_size=batch)),
        f"Hugging Face pipeline, bf16, batch of {batch}": lambda: half(read, batch_size=batch),
        f"Hugging Face pipeline, fp32, batch of {batch}": lambda: plain(read, batch_size=batch),
        "hf_token_pipe, as it is": lambda: list(wrapped.pipe(read)),
    }
    seconds = in_turns(runs, repeats)
    reference = words / median(seconds["bio_ner, bf16"])
    typer.echo("| | words/s | bio_ner in bf16 is faster by |\n| --- | --- | --- |")
    for name, found in seconds.items():
        speed = words / median(found)
        typer.echo(f"| {name} | {speed:,.0f} | {reference / speed:.2f} |")


if __name__ == "__main__":
    typer.run(main)
