"""Train the adapter on what `prepare.py` wrote, where there is torch, transformers and peft, but no spaCy.

    python train_alone.py bases/slm tasks.npz stored --minutes 6

The loss is that of the package. The last fifth of the time lowers the learning rate.
"""

import argparse
import json
import sys
from pathlib import Path
from random import Random
from time import perf_counter

import numpy as np
import torch
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from spacy_slm_ner.models.generation.capabilities import Capabilities
from spacy_slm_ner.models.generation.training_loss import Decision, TrainingExample, negative_log_likelihood
from spacy_slm_ner.models.pretrained.adapters import add_adapter, save_adapter
from spacy_slm_ner.models.pretrained.lora import create_lora_v2

WARMUP = 50
# A base that is a plain Llama: see `try_capabilities`.
CAPABILITIES = Capabilities("past_key_values", True, True)


def read_tasks(path: Path) -> list[TrainingExample]:
    """Read the tasks, in their order."""
    arrays = np.load(path)
    pieces, shared, decisions, allowed = (arrays[name].tolist() for name in ("pieces", "shared", "decisions", "allowed"))
    tasks, piece, decision, choice = [], 0, 0, 0
    for size, first, count in zip(arrays["sizes"].tolist(), shared, arrays["counts"].tolist()):
        made = []
        for place, right, among in decisions[decision : decision + count]:
            made.append(Decision(place, right, allowed[choice : choice + among]))
            choice += among
        tasks.append(TrainingExample(pieces[piece : piece + size], made, first))
        piece, decision = piece + size, decision + count
    return tasks


def batches(tasks: list[TrainingExample], size: int, rng: Random) -> list[list[TrainingExample]]:
    """Neighbours in batches of so many pieces, in random order."""
    found: list[list[TrainingExample]] = [[]]
    length = 0
    for task in tasks:
        if length > size:
            found.append([])
            length = 0
        found[-1].append(task)
        length += len(task.pieces)
    return rng.sample(found, len(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path)
    parser.add_argument("tasks", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--pieces", type=int, default=6000, help="of a batch, prompts counted for each text")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    rng = Random(arguments.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(arguments.base, torch_dtype=dtype).to(device)
    lora = create_lora_v2(r=arguments.rank, alpha=arguments.rank)
    model = add_adapter(model, "default", lora.to_peft("CAUSAL_LM")).to(device).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.rate, betas=(0.9, 0.98), weight_decay=0.01)
    tasks = read_tasks(arguments.tasks)
    start, step, texts, losses = perf_counter(), 0, 0, list[float]()
    waiting: list[list[TrainingExample]] = []
    while (share := (perf_counter() - start) / (60 * arguments.minutes)) < 1.0:
        waiting = waiting or batches(tasks, arguments.pieces, rng)
        batch = waiting.pop()
        factor = min(1.0, (step + 1) / WARMUP, (1.0 - share) / 0.2)
        for group in optimizer.param_groups:
            group["lr"] = arguments.rate * factor
        loss = negative_log_likelihood(model, dtype, CAPABILITIES, batch).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step, texts = step + 1, texts + len(batch)
        losses.append(loss.item())
        if step % 50 == 0:
            sys.stderr.write(f"{perf_counter() - start:.0f} s, step {step}, {texts} texts, loss {np.mean(losses[-50:]):.3f}\n")
    save_adapter(model, "default", arguments.output, None)
    record = {"steps": step, "texts": texts, "tasks": len(tasks), "loss": float(np.mean(losses[-50:])), "device": device.type}
    (arguments.output / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
