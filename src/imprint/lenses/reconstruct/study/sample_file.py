"""The file of samples: pixels and the images they are of."""

from __future__ import annotations

from pathlib import Path

import torch

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.nets.checkpoint import write_weights
from imprint.reading.weights_files import read_safetensors

FOLDER, SAMPLES = "samples", "samples.safetensors"


def write_samples(file: Path, samples: Pixels, index: IntArray) -> None:
    """Write samples uint8 ``[n, s, C, H, W]`` and the images they are of, int64 ``[n]``."""
    write_weights(file, {"samples": torch.from_numpy(samples), "index": torch.from_numpy(index)})


def read_samples(file: Path) -> tuple[Pixels, IntArray]:
    """Return samples uint8 ``[n, s, C, H, W]`` and the images they are of, int64 ``[n]``.

    Raises:
        ImprintError: no such file, or not such tensors.
    """
    try:
        tensors = read_safetensors(file)
    except OSError as error:
        raise ImprintError(f"cannot read samples from {file}: {error.strerror}") from error
    samples, index = tensors.get("samples"), tensors.get("index")
    if (
        samples is None
        or index is None
        or samples.dtype != torch.uint8
        or samples.ndim != 5
        or index.dtype != torch.int64
        or index.shape != samples.shape[:1]
        or not samples.numel()
    ):
        raise ImprintError(
            f"{file} must hold samples, uint8 [n, s, C, H, W], and index, int64 [n]: write it with "
            "imprint reconstruct sample"
        )
    return samples.numpy(), index.numpy()
