"""Seconds of an update of `bio_ner` over an adapter, beside the same update in a bare loop of peft and transformers.

    python benchmarks/encoder_step.py
    python benchmarks/encoder_step.py --words 1000

Both update an adapter of the same rank over the same base, with the batches that `spacy train` makes of the config, in the same
precision, in turns; the figures are medians. The bare loop trains a `AutoModelForTokenClassification` with the dropout of its
base, as `Trainer` does. `--overrides` changes the config, so that both may have that dropout.
"""

from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Annotated, Any, List

import torch
import typer
from peft import get_peft_model
from spacy import schemas
from spacy.cli._util import parse_config_overrides
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.util import load_config, registry, resolve_dot_names
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForTokenClassification
from turns import in_turns

IGNORED = -100


class BareLoop:
    """What a user would write.

    base (str): Folder or name of the base.
    lora (Any): Settings of the adapter, as ours.
    tokenizer (Any): Of the base.
    tags (int): Number of tags.
    bf16 (bool): Whether products are in bf16.
    """

    def __init__(self, base: str, lora: Any, tokenizer: Any, tags: int, bf16: bool) -> None:
        self.tokenizer, self.bf16 = tokenizer, bf16
        self.model = AutoModelForTokenClassification.from_pretrained(base, num_labels=tags)
        # Its head is trained as a whole, as ours is.
        adapted = get_peft_model(self.model.base_model, lora.to_peft("FEATURE_EXTRACTION"))
        setattr(self.model, self.model.base_model_prefix, adapted)
        self.optimizer = torch.optim.AdamW([value for value in self.model.parameters() if value.requires_grad], lr=1e-6)

    def update(self, batch: List[Example]) -> None:
        ids = [torch.tensor(self.tokenizer(eg.x.text)["input_ids"]) for eg in batch]
        mask = pad_sequence([torch.ones_like(one) for one in ids], batch_first=True)
        labels = pad_sequence([torch.zeros_like(one) for one in ids], batch_first=True, padding_value=IGNORED)
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            loss = self.model(input_ids=pad_sequence(ids, batch_first=True), attention_mask=mask, labels=labels).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def main(
    config: Annotated[Path, typer.Option(help="Of the training.")] = Path("configs/lora.cfg"),
    words: Annotated[int, typer.Option(help="Words of a batch, padding included; 0 for those of the config.")] = 0,
    batches: Annotated[int, typer.Option(help="Different batches.")] = 12,
    repeats: Annotated[int, typer.Option(help="Timed updates of each with each.")] = 4,
    overrides: Annotated[str, typer.Option(help="Values of the config, such as '--components.tok2vec.model.layers 3'.")] = "",
) -> None:
    changes = parse_config_overrides(overrides.split())
    if words:
        changes["training.batcher.size"] = words
    loaded = load_config(config, overrides=changes)
    loaded["nlp"]["pipeline"].remove("textcat")
    del loaded["components"]["textcat"]
    nlp = init_nlp(loaded)
    settings = nlp.config.interpolate()
    training = registry.resolve(settings["training"], schema=schemas.ConfigSchemaTraining)
    (corpus,) = resolve_dot_names(settings, ["corpora.train"])
    examples = list(islice(training["batcher"](corpus(nlp)), batches))
    shim = nlp.get_pipe("tok2vec").model.shims[0]  # type: ignore[attr-defined]
    encoder, lora = shim.loaded, shim.settings.lora
    tags = len(nlp.get_pipe("bio_ner").tags)  # type: ignore[attr-defined]
    bare = BareLoop(shim.settings.base, lora, encoder.tokenizer, tags, encoder.dtype == torch.bfloat16)
    updates = {"ours": lambda batch: nlp.update(batch, sgd=training["optimizer"]), "bare": bare.update}
    taken = [in_turns({name: partial(update, batch) for name, update in updates.items()}, repeats) for batch in examples]
    seconds = {name: [second for one in taken for second in one[name]] for name in updates}
    typer.echo(f"batches of {median(sum(len(eg.x) for eg in batch) for batch in examples):.0f} words, {encoder.dtype}")
    for name, values in seconds.items():
        typer.echo(f"{name}: {median(values):.3f} s ({min(values):.3f} to {max(values):.3f})")
    ratios = [function(seconds["ours"]) / function(seconds["bare"]) for function in (median, sum)]
    typer.echo(f"ratio: {ratios[0]:.2f}, of sums {ratios[1]:.2f}")


if __name__ == "__main__":
    typer.run(main)
