"""Pipelines of each kind, trained in one environment and run in another: `make smoke` does it in both directions.

python tests/travel.py write FOLDER    train a pipeline of each kind, and write it and what it finds
python tests/travel.py check FOLDER    load them, and compare what they find
"""

import random
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch
from wasabi import msg

from spacy_slm_ner.cli.base import base
from spacy_slm_ner.cli.convert import convert

ASSETS = Path(__file__).parent.parent / "assets"
LORA = {"@misc": "spacy-slm-ner.Lora.v1", "dropout": 0.0}
NANO = "spacy-slm-ner/nano"
ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
# How far scores may be apart: versions round in other ways.
TOLERANCE = 0.01


def generator(folder: Path, lora: Any) -> Language:
    """`slm_ner` over the bundled base."""
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-slm-ner.CausalLM.v1", "base": NANO, "lora": lora, "precision": "fp32"}
    # Which this base has learned best.
    nlp.add_pipe("slm_ner", config={"model": model, "format": {"@misc": "spacy-slm-ner.TokenLines.v1"}})
    return nlp


def classifier(folder: Path, name: str, width: int, **settings: Any) -> Language:
    """`bio_ner` and `textcat` over a base in a folder, which is stored with the pipeline."""
    base(name, folder / "base", line_breaks=True)
    nlp = spacy.blank("en")
    model = {"@architectures": "spacy-slm-ner.LoraTransformer.v1", "base": str(folder / "base"), "width": width, "lora": LORA}
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": width, "upstream": "tok2vec"}
    reduce = {"@architectures": "spacy-slm-ner.TextCatReduce.v1", "exclusive_classes": True, "use_reduce_first": True}
    reduce |= {"use_reduce_last": False, "use_reduce_max": False, "use_reduce_mean": True, "tok2vec": listener}
    nlp.add_pipe("tok2vec", config={"model": {**model, "precision": "fp32", **settings}})
    nlp.add_pipe("bio_ner", config={"model": {"@architectures": "spacy-slm-ner.BioTagger.v1", "tok2vec": listener}})
    nlp.add_pipe("textcat", config={"model": reduce})
    return nlp


# Of each kind: how it is made, and how many updates it takes until it finds something.
KINDS = {
    "generator": (partial(generator, lora=LORA), 12),
    "generator trained as a whole": (partial(generator, lora=None), 8),
    "encoder": (partial(classifier, name=ENCODER, width=384), 40),
    "decoder that sees both sides": (partial(classifier, name=NANO, width=256, bidirectional=True), 80),
}


def write(folder: Path) -> None:
    for name in ("train", "dev"):
        convert([ASSETS / f"{name}.json"], folder / "corpus" / f"{name}.spacy")
    for kind, (make, updates) in KINDS.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        fix_random_seed(0)
        nlp = make(folder / kind)
        examples = [Example(nlp.make_doc(doc.text), doc) for doc in read(folder, nlp, "train")]
        optimizer = nlp.initialize(partial(list, examples))
        optimizer.learn_rate = 0.001
        for _, batch in zip(range(updates), minibatch(random.choices(examples, k=8 * updates), 8)):
            nlp.update(batch, sgd=optimizer)
        nlp.to_disk(folder / kind / "pipeline")
        found = [seen(doc) for doc in nlp.pipe(doc.text for doc in read(folder, nlp, "dev")[:20])]
        srsly.write_json(folder / kind / "found.json", found)
        number = sum(len(one["ents"]) for one in found)
        msg.good(f"{versions()}: a pipeline finds {number} entities, {kind}")
        assert number > 10


def check(folder: Path) -> None:
    for kind in KINDS:
        nlp = spacy.load(folder / kind / "pipeline")
        expected = srsly.read_json(folder / kind / "found.json")
        found = [seen(doc) for doc in nlp.pipe(doc.text for doc in read(folder, nlp, "dev")[:20])]
        for one, other in zip(found, expected, strict=True):
            assert [ent[:3] for ent in one["ents"]] == [ent[:3] for ent in other["ents"]], (kind, one, other)
            scores = [(ent[3], there[3]) for ent, there in zip(one["ents"], other["ents"])]
            scores += [(one["cats"][name], other["cats"][name]) for name in other["cats"]]
            assert all(abs(here - there) < TOLERANCE for here, there in scores), (kind, one, other)
        msg.good(f"{versions()}: one from {folder} finds the same, {kind}")


def read(folder: Path, nlp: Language, name: str) -> list[Doc]:
    return list(DocBin().from_disk(folder / "corpus" / f"{name}.spacy").get_docs(nlp.vocab))


def seen(doc: Doc) -> dict[str, Any]:
    return {"ents": [[ent.start_char, ent.end_char, ent.label_, ent._.score] for ent in doc.ents], "cats": doc.cats}


def versions() -> str:
    return " ".join(f"{name} {version(name)}" for name in ("transformers", "peft", "torch"))


if __name__ == "__main__":
    command, target = sys.argv[1:]
    {"write": write, "check": check}[command](Path(target))
