"""The floating-point type that a model computes in."""

from typing import Literal, get_args

import torch

Precision = Literal["auto", "bf16", "fp32", "int8"]


def torch_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Choose the type that a setting means on a device.

    precision (str): "bf16", "fp32", or "auto": bf16 where the processor has instructions for it, which is several times faster.
        "int8" is fp32, with weights that are rounded for use (see `int8`).
    device (torch.device): Where the model is.
    RETURNS (torch.dtype): torch.bfloat16 or torch.float32.
    RAISES (ValueError): If there is no such setting, or none on this device.
    """
    if precision not in get_args(Precision):
        raise ValueError(f"Got the precision {precision!r}, allowed are {', '.join(get_args(Precision))}.")
    if precision == "int8" and device.type != "cpu":
        raise ValueError(f"Got the precision 'int8' on {device}, but it is for processors. Take bf16 there.")
    if precision == "bf16" or (precision == "auto" and has_bf16(device)):
        return torch.bfloat16
    return torch.float32


def has_bf16(device: torch.device) -> bool:
    """Whether a device multiplies bf16 matrices by itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    # AMX and AVX512_BF16 on x86; the function is not part of torch's public interface.
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
    return device.type == "cpu" and probe is not None and bool(probe())
