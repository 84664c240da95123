import pytest
import torch
from transformers import AutoModelForCausalLM

from spacy_slm_ner.pretraining.new_base import make_base

TEXTS = ["Friday at 10:45 with Ada", "meet Ada on Friday", "the quick brown fox jumps over a lazy dog"] * 5


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> AutoModelForCausalLM:
    folder = tmp_path_factory.mktemp("base")
    make_base(folder, TEXTS, pieces=300, hidden=128, layers=2, heads=4)
    return AutoModelForCausalLM.from_pretrained(folder, torch_dtype=torch.float32).eval()


def repeated(between: int | None = None, length: int = 20, before: int = 0) -> torch.Tensor:
    """Sequences of random pieces, twice; a piece may stand between any two, and others in front. Shape: (8, pieces)."""
    rng = torch.Generator().manual_seed(0)
    pieces = torch.stack([torch.randperm(270, generator=rng)[:length] + 10 for _ in range(8)])
    if between is not None:
        pieces = torch.stack([pieces, torch.full_like(pieces, between)], dim=2).flatten(1)
    front = torch.randint(10, 280, (8, before), generator=rng)
    return torch.cat([front, pieces, pieces], dim=1)


@torch.no_grad()
def accuracy(model: AutoModelForCausalLM, ids: torch.Tensor, first: int, step: int) -> float:
    """How often the likeliest piece is the right one, at every so many places."""
    likeliest = model(input_ids=ids).logits[:, :-1].argmax(dim=2)
    return float((likeliest == ids[:, 1:])[:, first::step].float().mean())


@pytest.mark.parametrize("before", [0, 100], ids=["at-once", "far-in"])
def test_a_sequence_seen_before_is_copied(model: AutoModelForCausalLM, before: int) -> None:
    assert accuracy(model, repeated(before=before), first=before + 20, step=1) > 0.8


def test_it_is_copied_behind_spaces_too(model: AutoModelForCausalLM) -> None:
    assert accuracy(model, repeated(between=3), first=41, step=2) > 0.6


def test_random_weights_do_not_copy(model: AutoModelForCausalLM) -> None:
    torch.manual_seed(0)
    plain = AutoModelForCausalLM.from_config(model.config).eval()
    assert accuracy(plain, repeated(), first=20, step=1) < 0.1
