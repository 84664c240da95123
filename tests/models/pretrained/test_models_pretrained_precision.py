from typing import Any

import pytest
import torch

from spacy_slm_ner.models.pretrained import precision
from spacy_slm_ner.models.pretrained.precision import has_bf16, torch_dtype

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
DEVICES = pytest.mark.parametrize("device", [CPU, GPU], ids=["cpu", "gpu"])


@DEVICES
@pytest.mark.parametrize("able", [True, False], ids=["able", "unable"])
@pytest.mark.parametrize(("setting", "expected"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_a_named_precision_does_not_depend_on_the_device(
    device: torch.device, able: bool, setting: str, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: able)
    assert torch_dtype(setting, device) is expected


@pytest.mark.parametrize(("able", "expected"), [(True, torch.bfloat16), (False, torch.float32)], ids=["able", "unable"])
@DEVICES
def test_auto_follows_the_device(
    device: torch.device, able: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: able)
    assert torch_dtype("auto", device) is expected


@pytest.mark.parametrize("setting", ["fp16", "BF16", "", "float32"])
def test_another_precision_is_an_error(setting: str) -> None:
    with pytest.raises(ValueError, match=f"Got the precision '{setting}', allowed are auto, bf16, fp32, int8"):
        torch_dtype(setting, CPU)


@pytest.mark.parametrize("answer", [True, False])
def test_a_processor_is_asked_for_its_instructions(answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: answer, raising=False)
    assert has_bf16(CPU) is answer


def test_a_torch_that_cannot_say_means_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    assert has_bf16(CPU) is False


@pytest.mark.parametrize("answer", [True, False])
def test_a_graphics_card_is_asked(answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(*args: Any) -> bool:
        return answer

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert has_bf16(GPU) is answer


def test_other_devices_compute_in_full_precision() -> None:
    assert has_bf16(torch.device("mps")) is False


def test_int8_computes_in_fp32_on_a_processor_alone() -> None:
    assert torch_dtype("int8", CPU) is torch.float32
    with pytest.raises(ValueError, match=r"Got the precision 'int8' on cuda:0, but it is for processors. Take bf16 there"):
        torch_dtype("int8", GPU)
