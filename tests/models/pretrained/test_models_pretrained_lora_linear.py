"""The layer of an adapter: the numbers of peft, by fewer operations."""

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora import Linear
from torch import nn
from transformers.pytorch_utils import Conv1D

from spacy_slm_ner.models.pretrained.lora_linear import LoraLinear, drop_between, make_fast


class Net(nn.Module):
    def __init__(self, bias: bool) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 10, bias=bias), nn.Linear(10, 3, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.second(torch.tanh(self.first(x)))
        return found


def pair(bias: bool = True, **config: Any) -> tuple[Any, Any]:
    """The same network with layers of peft, and with ours."""
    found = []
    for fast in (False, True):
        torch.manual_seed(0)
        net = get_peft_model(Net(bias), LoraConfig(target_modules=["first", "second"], r=4, lora_alpha=6, **config))
        for name, parameter in net.named_parameters():
            if "lora_B" in name:
                nn.init.normal_(parameter, generator=torch.Generator().manual_seed(1))
        if fast:
            make_fast(net)
        found.append(net.train())
    return found[0], found[1]


def gradients(net: Any, x: torch.Tensor) -> dict[str, torch.Tensor]:
    net.zero_grad()
    (net(x) ** 2).sum().backward()
    return {name: parameter.grad.clone() for name, parameter in net.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 3, 6)])
def test_values_and_gradients_are_those_of_peft(bias: bool, shape: tuple[int, ...]) -> None:
    theirs, ours = pair(bias)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(2))
    same_x = x.clone().requires_grad_()
    x.requires_grad_()
    torch.testing.assert_close(ours(same_x), theirs(x))
    found, expected = gradients(ours, same_x), gradients(theirs, x)
    assert list(found) == list(expected) and len(found) == 4
    for name in found:
        torch.testing.assert_close(found[name], expected[name])
    torch.testing.assert_close(same_x.grad, x.grad)


@pytest.mark.parametrize("config", [{"use_dora": True}, {"lora_dropout": 0.5}, {"lora_bias": True}], ids=str)
def test_what_ours_does_not_know_is_left_to_peft(config: dict[str, Any]) -> None:
    theirs, ours = pair(**config)
    x = torch.randn(5, 6)
    torch.manual_seed(3)
    expected = gradients(theirs, x)
    torch.manual_seed(3)
    found = gradients(ours, x)
    assert list(found) == list(expected)
    for name in found:
        torch.testing.assert_close(found[name], expected[name])


def test_an_adapter_that_is_off_or_merged_changes_nothing_more() -> None:
    theirs, ours = pair()
    x = torch.randn(5, 6)
    with ours.disable_adapter(), theirs.disable_adapter():
        torch.testing.assert_close(ours(x), theirs(x))
    expected = theirs(x)
    torch.testing.assert_close(ours.merge_and_unload()(x), expected)


def test_dropout_between_the_matrices_keeps_the_mean() -> None:
    _, net = pair()
    x = torch.randn(6)
    net.eval()
    expected = net(x)
    layer = net.base_model.model.first
    drop_between(net, 0.5)
    torch.testing.assert_close(net(x), expected)
    net.train()
    torch.manual_seed(0)
    without = layer.base_layer(x)
    drawn = torch.stack([layer(x) for _ in range(4000)])
    assert len({tuple(row.tolist()) for row in drawn.round(decimals=4)}) == 2**4
    drop_between(net, 0.0)
    torch.testing.assert_close(drawn.mean(dim=0), layer(x), atol=0.1, rtol=0.1)
    assert not torch.allclose(layer(x), without)


def test_gradients_with_dropout_are_those_of_its_mask() -> None:
    _, net = pair()
    drop_between(net, 0.4)
    x = torch.randn(5, 6, dtype=torch.float64)
    net.double()

    def value(weight: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(5)
        with torch.no_grad():
            net.base_model.model.first.lora_A["default"].weight.copy_(weight)
        return (net(x) ** 2).sum()

    layer = net.base_model.model.first.lora_A["default"].weight
    before = layer.detach().clone()
    net.zero_grad()
    value(before).backward()
    found = layer.grad[0, 0].item()
    step = torch.zeros_like(before)
    step[0, 0] = 1e-6
    numeric = (value(before + step) - value(before - step)).item() / 2e-6
    assert found == pytest.approx(numeric, rel=1e-4)


def test_bf16_layers_train_adapters_in_fp32() -> None:
    _, net = pair()
    layer = net.base_model.model.first
    layer.base_layer.to(torch.bfloat16)
    x = torch.randn(5, 6).bfloat16().requires_grad_()
    found = layer(x)
    found.float().sum().backward()
    assert found.dtype == x.grad.dtype == torch.bfloat16
    assert layer.lora_A["default"].weight.grad.dtype == torch.float32


def test_only_plain_layers_become_ours() -> None:
    net = get_peft_model(nn.Sequential(nn.Embedding(5, 6), nn.Linear(6, 6)), LoraConfig(target_modules=["0", "1"]))
    make_fast(net)
    kinds = [type(module) for module in net.modules()]
    assert kinds.count(LoraLinear) == 1 and Linear not in kinds


def is_random(net: Any, x: torch.Tensor) -> bool:
    return not torch.equal(net(x), net(x))


def test_dropout_holds_under_autocast_too() -> None:
    _, net = pair()
    x = torch.randn(5, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert not is_random(net, x)
        drop_between(net, 0.5)
        assert is_random(net, x)
        assert not is_random(net.eval(), x)


def test_dropout_holds_where_peft_computes() -> None:
    _, net = pair(lora_bias=True)
    drop_between(net, 0.5)
    assert is_random(net, torch.randn(5, 6))


def test_dropout_holds_for_layers_of_other_kinds() -> None:
    net = get_peft_model(nn.Sequential(Conv1D(4, 6)), LoraConfig(target_modules=["0"], r=4, fan_in_fan_out=True)).train()
    nn.init.normal_(net.base_model.model[0].lora_B["default"].weight)
    make_fast(net)
    drop_between(net, 0.5)
    assert is_random(net, torch.randn(5, 6))


def test_dropout_is_set_again_and_not_twice() -> None:
    _, net = pair()
    x = torch.randn(5, 6)
    for share in (0.5, 0.5, 0.0):
        drop_between(net, share)
    assert not is_random(net, x)
    assert all(len(layer.lora_B["default"]._forward_pre_hooks) <= 1 for layer in net.modules() if isinstance(layer, LoraLinear))
