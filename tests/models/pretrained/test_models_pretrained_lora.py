from typing import Any

import pytest
from peft import LoraConfig, TaskType

from spacy_slm_ner.models.pretrained.lora import LoraSettings, create_lora, create_lora_v2


def test_the_defaults_adapt_all_linear_layers() -> None:
    assert create_lora() == LoraSettings(r=16, alpha=32, dropout=0.0, targets="all-linear", input_dropout=0.05)
    assert create_lora_v2() == LoraSettings(r=16, alpha=16, dropout=0.0, targets="all-linear", start=None)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"r": 0}, id="rank-0"),
        pytest.param({"r": -1}, id="rank-below-0"),
        pytest.param({"alpha": 0}, id="alpha-0"),
        pytest.param({"alpha": -1}, id="alpha-below-0"),
        pytest.param({"dropout": 1.0}, id="dropout-1"),
        pytest.param({"dropout": -0.1}, id="dropout-below-0"),
        pytest.param({"dropout": float("nan")}, id="dropout-nan"),
        pytest.param({"targets": []}, id="no-targets"),
        pytest.param({"targets": ""}, id="empty-targets"),
    ],
)
def test_settings_that_make_no_adapter_are_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Got r = .*alpha = .*dropout = .*targets = .*Allowed are r of at least 1"):
        create_lora(**wrong)
    with pytest.raises(ValueError, match=r"Got r = .*Allowed are r of at least 1"):
        create_lora_v2(**wrong)


def test_the_error_names_what_was_given() -> None:
    with pytest.raises(ValueError, match=r"Got r = 8, alpha = 0, dropout = 0.1, targets = \['q_proj'\] for LoRA"):
        create_lora(8, 0, 0.1, ["q_proj"])


@pytest.mark.parametrize("targets", ["all-linear", ["q_proj", "v_proj"]], ids=["all", "names"])
def test_peft_gets_what_was_set(targets: Any) -> None:
    found = create_lora(4, 8, 0.5, targets).to_peft("CAUSAL_LM")
    assert isinstance(found, LoraConfig)
    assert (found.r, found.lora_alpha, found.lora_dropout, found.task_type) == (4, 8, 0.5, TaskType.CAUSAL_LM)
    assert create_lora_v2(dropout=0.5).to_peft("CAUSAL_LM").lora_dropout == 0.0
    assert found.target_modules == (targets if isinstance(targets, str) else set(targets))


def test_the_settings_of_one_adapter_are_not_those_of_another() -> None:
    targets = ["q_proj"]
    settings = create_lora(targets=targets)
    first, second = settings.to_peft("CAUSAL_LM"), settings.to_peft("CAUSAL_LM")
    first.target_modules.add("v_proj")
    assert (second.target_modules, targets) == ({"q_proj"}, ["q_proj"])


def test_the_update_is_scaled_by_alpha_over_r() -> None:
    import torch
    from peft import get_peft_model

    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = {"model_type": "custom"}
            self.layer = torch.nn.Linear(3, 3, bias=False)

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = self.layer(values)
            return result

    model = Linear()
    weight = model.layer.weight.detach().clone()
    settings = create_lora(r=2, alpha=6, dropout=0.0, targets=["layer"]).to_peft("CAUSAL_LM")
    settings.task_type = None
    adapted = get_peft_model(model, settings)
    layer = adapted.base_model.model.layer
    with torch.no_grad():
        layer.lora_A["default"].weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]]))
        layer.lora_B["default"].weight.copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
        values = torch.tensor([[1.0, 2, 3]])
        torch.testing.assert_close(adapted(values), values @ weight.T + 3 * torch.tensor([[1.0, 2, 0]]))
