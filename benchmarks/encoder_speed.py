"""Words per second of trained encoders, beside one plain pass of transformers over the same pieces.

    python benchmarks/encoder_speed.py training/lora/model-best training/trf/model-best

The first pipeline is one of configs/lora.cfg. The plain pass is that of its model, the adapter merged, in bf16: over texts that
were cut to pieces beforehand and sorted by length, in batches of 32, and nothing is done with the states. The texts are all
records of `corpus/`, and the first 800 sentences of them. All run in one process, in turns; the figures are medians.
"""

from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Callable, Iterator, List, Optional

import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from torch.nn.utils.rnn import pad_sequence
from turns import in_turns

from spacy_slm_ner.models.pretrained.adapters import for_use

SENTENCES, ROWS = 800, 32


def plain_pass(nlp: Language, texts: List[str]) -> Callable[[], None]:
    """Make the pass over texts."""
    encoder = nlp.get_pipe("tok2vec").model.shims[0].loaded  # type: ignore[attr-defined]
    model = for_use(encoder.model, torch.bfloat16).eval()
    ids = sorted((torch.tensor(encoder.tokenizer(text)["input_ids"]) for text in texts), key=len)
    parts = [ids[start : start + ROWS] for start in range(0, len(ids), ROWS)]
    batches = [
        {
            "input_ids": pad_sequence(part, batch_first=True),
            "attention_mask": pad_sequence([torch.ones_like(one) for one in part], batch_first=True),
        }
        for part in parts
    ]

    def run() -> None:
        with torch.inference_mode():
            for batch in batches:
                model(**batch)

    return run


def sets_of_texts() -> dict[str, List[str]]:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    files = [Path("corpus", f"{name}.spacy") for name in ("train", "dev", "test")]
    records = [doc.text for file in files for doc in DocBin().from_disk(file).get_docs(nlp.vocab)]
    sentences = [sent.text.strip() for doc in nlp.pipe(records) for sent in doc.sents]
    return {"records": records, "sentences": [text for text in sentences if text][:SENTENCES]}


def pipelines(ours: str, others: List[str]) -> Iterator[tuple[str, Language]]:
    precision = "components.tok2vec.model.precision"
    for name in ("bf16", "fp32", "int8"):
        yield f"{ours}, {name}", spacy.load(ours, config={precision: name})
    yield f"{ours}, bf16, entities alone", spacy.load(ours, config={precision: "bf16"}, exclude=["textcat"])
    for other in others:
        yield other, spacy.load(other)


def read(nlp: Language, texts: List[str]) -> List[Doc]:
    return list(nlp.pipe(texts))


def entities(docs: List[Doc]) -> set[tuple[Any, ...]]:
    return {(number, ent.start, ent.end, ent.label_) for number, doc in enumerate(docs) for ent in doc.ents}


def main(
    model: Annotated[str, typer.Argument(help="Trained pipeline of configs/lora.cfg.")],
    others: Annotated[Optional[List[str]], typer.Argument(help="Other trained pipelines.")] = None,
    repeats: Annotated[int, typer.Option(help="Timed runs of each.")] = 5,
) -> None:
    loaded = dict(pipelines(model, others or []))
    for kind, texts in sets_of_texts().items():
        words = sum(map(len, map(spacy.blank("en").make_doc, texts)))
        runs: dict[str, Callable[[], Any]] = {"plain pass, bf16": plain_pass(loaded[f"{model}, bf16"], texts)}
        runs |= {name: partial(read, nlp, texts) for name, nlp in loaded.items()}
        typer.echo(f"\n| {len(texts)} {kind}, {words:,} words | words/s | of the plain pass |\n| --- | --- | --- |")
        times = {name: median(taken) for name, taken in in_turns(runs, repeats).items()}
        for name, taken in times.items():
            typer.echo(f"| {name} | {words / taken:,.0f} | {times['plain pass, bf16'] / taken:.2f} |")
        exact, rounded, whole = (entities(runs[f"{model}, {name}"]()) for name in ("fp32", "bf16", "int8"))
        typer.echo(f"\n{len(exact)} entities in fp32; {len(exact - rounded)} others in bf16, {len(exact - whole)} in int8")


if __name__ == "__main__":
    typer.run(main)
