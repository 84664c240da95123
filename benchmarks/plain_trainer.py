"""The recipe that a user would write without this package: peft, a transformers `Trainer`, labels on first pieces.

    python benchmarks/plain_trainer.py corpus/train.spacy corpus/test.spacy

A benchmark for `comparison.py`. Its settings are common ones and were not tuned.
"""

import json
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import spacy
import torch
import typer
from peft import LoraConfig, TaskType, get_peft_model
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from spacy.tokens import DocBin
from torch.utils.data import Dataset
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

IGNORED = -100
# All linear layers of a BERT; the classifier is trained as a whole.
LAYERS = ["query", "key", "value", "dense"]


def read(path: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Words and BIO tags of the texts of a DocBin; white space is left out, as no one feeds it to such a model."""
    docs = list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))
    kept = [[token for token in doc if not token.is_space] for doc in docs]
    return [[token.text for token in doc] for doc in kept], [tags(doc) for doc in kept]


def tags(tokens: list[Any]) -> list[str]:
    return [token.ent_iob_ if token.ent_iob_ in ("O", "") else f"{token.ent_iob_}-{token.ent_type_}" for token in tokens]


class Texts(Dataset):
    """Encoded texts, with the tag of each word on its first piece."""

    def __init__(self, words: list[list[str]], tags: list[list[str]], numbers: dict[str, int], tokenizer: Any) -> None:
        self.rows = []
        # Words that have a first piece: a tokenizer may have none for a word, and cuts long texts off.
        self.places: list[list[int]] = []
        for one, gold in zip(words, tags):
            encoded = tokenizer(one, is_split_into_words=True, truncation=True, max_length=512)
            places = encoded.word_ids()
            first = [place is not None and place != before for before, place in zip([None, *places], places)]
            labels = [numbers[gold[place]] if start else IGNORED for place, start in zip(places, first)]
            self.rows.append({**encoded, "labels": labels})
            self.places.append([place for place, start in zip(places, first) if start])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


def train(
    base: str,
    train_data: Path,
    test_data: Path,
    folder: Path,
    seed: int,
    words: int,
    batch: int = 16,
    rate: float = 1e-3,
    r: int = 16,
) -> dict[str, float]:
    """Train and score.

    words (int): How many words it reads in all its steps.
    batch (int): Texts a step.
    RETURNS (dict[str, float]): Strict F1, trained parameters, seconds of training.
    """
    torch.manual_seed(seed)
    texts, gold = read(train_data)
    names = sorted({tag for row in gold for tag in row}, key=lambda tag: (tag != "O", tag))
    numbers = {name: number for number, name in enumerate(names)}
    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForTokenClassification.from_pretrained(
        base, num_labels=len(names), id2label=dict(enumerate(names)), label2id=numbers
    )
    lora = LoraConfig(task_type=TaskType.TOKEN_CLS, r=r, lora_alpha=2 * r, lora_dropout=0.1, target_modules=LAYERS)
    model = get_peft_model(model, lora)
    arguments = TrainingArguments(
        output_dir=str(folder),
        seed=seed,
        learning_rate=rate,
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=64,
        num_train_epochs=words / sum(map(len, texts)),
        warmup_ratio=0.1,
        weight_decay=0.01,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        use_cpu=not torch.cuda.is_available(),
    )
    collator = DataCollatorForTokenClassification(tokenizer)
    trainer = Trainer(model, arguments, collator, train_dataset=Texts(texts, gold, numbers, tokenizer))
    start = perf_counter()
    trainer.train()
    seconds = perf_counter() - start
    trained = sum(value.numel() for value in model.parameters() if value.requires_grad)
    model.save_pretrained(folder)
    texts, gold = read(test_data)
    test = Texts(texts, [["O"] * len(row) for row in gold], numbers, tokenizer)
    predicted = trainer.predict(test)
    found = [["O"] * len(row) for row in gold]
    for tagged, places, row, labels in zip(found, test.places, np.argmax(predicted.predictions, axis=-1), predicted.label_ids):
        for place, number in zip(places, row[labels != IGNORED], strict=True):
            tagged[place] = names[number]
    f1 = f1_score(gold, found, mode="strict", scheme=IOB2)
    return {"F1": float(f1), "trained parameters": float(trained), "training seconds": seconds}


def main(
    train_data: Annotated[Path, typer.Argument(help="DocBin to train on.")],
    test_data: Annotated[Path, typer.Argument(help="DocBin to score.")],
    base: Annotated[str, typer.Option(help="Folder or hub id.")] = "bases/trf",
    seed: Annotated[int, typer.Option(help="Of the training.")] = 0,
    words: Annotated[int, typer.Option(help="How many words it reads.")] = 150_000,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-3,
) -> None:
    folder = Path(f"training/plain-trainer-{seed}")
    typer.echo(json.dumps(train(base, train_data, test_data, folder, seed, words, rate=rate)))


if __name__ == "__main__":
    typer.run(main)
