"""The model of `slm_ner` as thinc sees it: losses in training, answers otherwise. The rest is what `TransformerShim` does."""

from pathlib import Path
from typing import Any, Optional

import pytest
import torch
from generator_cases import LABELS, ask, assert_same, split, teach, with_entities
from spacy.util import fix_random_seed
from thinc.api import Adam, Model

from spacy_slm_ner.formats.bio_lines import BioLines
from spacy_slm_ner.models.causal_lm import CausalLMShim, create_causal_lm
from spacy_slm_ner.models.pretrained.lora import create_lora

REQUESTS = [
    teach(with_entities("Come at 4 pm or May 5", (2, 4, "TIME"), (5, 7, "DATE"))),
    teach(with_entities("4 or 4", (2, 3, "TIME"))),
    teach(with_entities("Friday morning please", (0, 1, "DATE"), (1, 2, "TIME"))),
]
ASKED = ["Come at 4 pm or May 5", "May May 4 or 4", "Friday at 9:30", "五月 😀", "on the morning"]
QUESTIONS = [ask(split(text)) for text in ASKED]
LORA: dict[str, Any] = {"r": 4, "alpha": 8, "dropout": 0.0}


def make(base: Path | str, lora: Optional[dict[str, Any]] = LORA, **settings: Any) -> Model:
    chosen = {"precision": "fp32", **settings}
    return create_causal_lm(str(base), lora=None if lora is None else create_lora(**lora), **chosen)


def ready(base: Path | str, seed: int = 0, **settings: Any) -> Model:
    model = make(base, **settings)
    fix_random_seed(seed)
    model.initialize()
    return model


def learn(model: Model, steps: int = 3, optimizer: Any = None, requests: Any = REQUESTS) -> list[float]:
    """Losses before each update."""
    optimizer = optimizer or Adam(0.03, L2=0.0)
    losses = []
    for _ in range(steps):
        nll, backprop = model.begin_update(requests)
        backprop(model.ops.alloc1f(len(nll)) + 1 / len(nll))
        model.finish_update(optimizer)
        losses.append(float(nll.mean()))
    return losses


def taught(base: Path | str, **settings: Any) -> Model:
    model = ready(base, **settings)
    learn(model)
    return model


def shim(model: Model) -> CausalLMShim:
    found = model.shims[0]
    assert isinstance(found, CausalLMShim)
    return found


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in shim(model).generator.model.named_parameters()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def assert_equal(found: Model, expected: Model, tolerance: float = 1e-5) -> None:
    """The same weights, bit for bit, and the same answers; where weights lie in memory may round sums in another way."""
    assert changed(weights(expected), weights(found)) == set()
    assert_same(found.predict(QUESTIONS), expected.predict(QUESTIONS), tolerance)


def differ(one: Any, other: Any) -> bool:
    return [answer.path for answer in one] != [answer.path for answer in other]


# Settings


@pytest.mark.parametrize("pieces", [0, -1])
def test_a_limit_below_one_piece_is_an_error(pieces: int, llama: Path) -> None:
    with pytest.raises(ValueError, match=f"Got batch_pieces = {pieces}, allowed is 1 or more"):
        make(llama, batch_pieces=pieces)


def test_an_unknown_precision_is_an_error_before_anything_is_loaded() -> None:
    with pytest.raises(ValueError, match="Got the precision 'fp8', allowed are auto, bf16, fp32"):
        make("no/such-base", precision="fp8")


# Training


def test_the_output_in_training_is_the_loss_of_each_request(llama: Path) -> None:
    model = ready(llama)
    nll, _ = model.begin_update(REQUESTS)
    assert nll.shape == (len(REQUESTS),) and nll.dtype == "float32"
    assert nll.tolist() == pytest.approx(shim(model).generator.nll(REQUESTS).tolist())


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_updates_lower_the_loss(lora: Any, llama: Path) -> None:
    losses = learn(ready(llama, lora=lora), 15, Adam(0.01, L2=0.0))
    assert losses[-1] < 0.5 * losses[0]


def test_the_gradient_of_each_request_counts_as_much_as_is_said(llama: Path) -> None:
    def gradients(parts: list[float], requests: Any) -> list[torch.Tensor]:
        model = ready(llama)
        _, backprop = model.begin_update(requests)
        backprop(model.ops.asarray1f(parts))
        return [value.grad for value in shim(model).generator.model.parameters() if value.grad is not None]

    for found, expected in zip(gradients([0.0, 2.0, 0.0], REQUESTS), gradients([2.0], REQUESTS[1:2]), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_checkpointed_gradients_are_the_same(llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same attention on both sides: plain and fused round differently.
    monkeypatch.setattr("spacy_slm_ner.models.generation.training_pass.LONG", 0)

    def gradients(**settings: Any) -> dict[str, torch.Tensor]:
        model = ready(llama, **settings)
        # The same pass on both sides: one without padding rounds differently.
        generator = shim(model).generator
        generator.capabilities = generator.capabilities._replace(is_packable=False)
        learn(model, 1)
        nll, backprop = model.begin_update(REQUESTS)
        backprop(model.ops.alloc1f(len(nll)) + 1.0)
        assert shim(model).generator.model.is_gradient_checkpointing is settings["gradient_checkpointing"]
        named = shim(model).generator.model.named_parameters()
        return {name: value.grad for name, value in named if value.grad is not None}

    for lora in (LORA, None):
        plain, checkpointed = (gradients(lora=lora, gradient_checkpointing=on) for on in (False, True))
        assert plain.keys() == checkpointed.keys() != set()
        for name, gradient in plain.items():
            torch.testing.assert_close(checkpointed[name], gradient, rtol=1e-5, atol=1e-7)


def test_checkpointing_does_not_change_answers(llama: Path) -> None:
    assert_same(taught(llama, gradient_checkpointing=True).predict(QUESTIONS), taught(llama).predict(QUESTIONS), 1e-5)


def test_answers_follow_each_update(llama: Path) -> None:
    model = ready(llama)
    first = model.predict(QUESTIONS)
    learn(model)
    second = model.predict(QUESTIONS)
    learn(model)
    assert differ(first, second) and differ(second, model.predict(QUESTIONS))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_answers_in_between_do_not_disturb_training_nor_later_answers(lora: Any, precision: str, llama: Path) -> None:
    plain, interrupted = (ready(llama, lora=lora, precision=precision) for _ in range(2))
    optimizers = Adam(0.01), Adam(0.01)
    for _ in range(3):
        learn(plain, 1, optimizers[0])
        learn(interrupted, 1, optimizers[1])
        interrupted.predict(QUESTIONS)
    assert_equal(interrupted, plain, 1e-5 if precision == "fp32" else 0.05)


def test_pieces_cannot_be_counted_before_a_tokenizer_is_loaded(llama: Path) -> None:
    with pytest.raises(ValueError, match="is not loaded"):
        make(llama).shims[0].count_pieces(["x"])


def test_pieces_are_counted(llama: Path) -> None:
    model = ready(llama)
    texts = ["Come at 4", "", "<|im_end|>"]
    assert shim(model).count_pieces(texts) == [len(shim(model).generator.chat.encode_plain(text)) for text in texts]


# Precision


@pytest.mark.parametrize("lora", [LORA, None], ids=["lora", "whole"])
def test_half_precision_learns_and_answers(lora: Any, llama: Path) -> None:
    model = ready(llama, lora=lora, precision="bf16")
    losses = learn(model, 15, Adam(0.01, L2=0.0))
    assert losses[-1] < 0.6 * losses[0]
    for request, answer, text in zip(QUESTIONS, model.predict(QUESTIONS), ASKED, strict=True):
        assert answer.complete and BioLines(LABELS).parse(answer.text, split(text)).problems == [], request
