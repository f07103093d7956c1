"""Full float32: what finite differences of a loss need and fast hardware does not give unasked.

On recent GPUs float32 convolutions run with a mantissa of 10 bits (TF32) unless set otherwise. A
difference of losses over 10⁻³ then holds rounding alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from imprint.core.errors import ImprintError


@contextmanager
def full_float32(device: torch.device) -> Iterator[None]:
    """Compute float32 matrix products and convolutions in float32; restore the settings after.

    TF32, bfloat16 passes and autocast are off inside.

    Args:
        device: where the networks run.
    """
    before = [(place, name, getattr(place, name)) for place, name, _ in _switches()]
    try:
        for place, name, value in _switches():
            setattr(place, name, value)
        with torch.autocast(device.type, enabled=False):
            yield
    finally:
        for place, name, value in before:
            setattr(place, name, value)


def _switches() -> list[tuple[Any, str, Any]]:
    """Return (where, attribute, value for full precision); torch renamed them in 2.9."""
    backends: Any = torch.backends
    if hasattr(backends.cuda.matmul, "fp32_precision"):
        cudnn, onednn = backends.cudnn, backends.mkldnn
        places = (backends.cuda.matmul, cudnn.conv, cudnn.rnn, onednn.matmul, onednn.conv)
        return [(place, "fp32_precision", "ieee") for place in places]
    return [(backends.cuda.matmul, "allow_tf32", False), (backends.cudnn, "allow_tf32", False)]


def check_precision(network: nn.Module, name: str) -> None:
    """Check that a network's parameters hold at least float32.

    Raises:
        ImprintError: one of them is narrower.
    """
    for parameter in network.parameters():
        if parameter.is_floating_point() and parameter.dtype not in (torch.float32, torch.float64):
            raise ImprintError(
                f"network {name} holds {str(parameter.dtype).removeprefix('torch.')} weights, too "
                "coarse for differences of losses: convert it with .float()"
            )
