"""What can be chosen about a leave-one-out fit. Kernels and their options live with the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.study.option_types import Numbers, Settings


@dataclass(frozen=True, kw_only=True)
class KernelChoice:
    """Which kernel: the prior over functions that the records are fitted under."""

    kernel: str = "fc"
    """The kernel: fc, conv, conv_pool, myrtle, wide_resnet (networks of infinite width), rbf or
    features."""
    activation: str | None = None
    """What follows each hidden layer: relu, gelu or erf; of networks."""
    depth: int | None = None
    """Hidden layers; of networks. What is left out is the kernel's own (fc: 5)."""
    w_std: float | None = None
    """Standard deviation of a weight times the root of its fan-in; of networks."""
    b_std: float | None = None
    """Standard deviation of a bias; of networks."""
    kernel_options: Settings = ()
    """Further options of the kernel, such as limit=ntk (fc), window=3 (conv), gamma=2 (rbf) or
    similarity=cosine (features)."""


@dataclass(frozen=True, kw_only=True)
class LeaveOneOutChoice(KernelChoice):
    """How records are fitted under a kernel."""

    noise: Numbers = (0.1,)
    """Noise variance of the targets. Of several, separated by commas, the first is fitted, and all
    make the noise path, at the price of an eigendecomposition."""
    outputs: Literal["classes", "contrast"] = "classes"
    """One output a class, or of two classes their contrast alone, which halves divergences."""
    scaling: Literal["standardised", "unit"] = "standardised"
    """Pixels of images: zero mean and unit variance in each channel over the fitted images
    (standardised), or from 0 to 1 (unit). Arrays are taken as they are."""
    input_size: int = 32
    """Side in pixels to which images are resampled."""
    records: int = 0
    """Records to fit at most, drawn at random; 0 takes all."""


@dataclass(frozen=True, kw_only=True)
class MethodChoice:
    """How many records are fitted: by the whole kernel matrix, or by less."""

    method: Literal["dense", "auto", "exact", "hybrid", "out_of_core", "nystrom"] = "dense"
    """dense keeps the kernel matrix and its inverse, 32 n² bytes, and answers everything. The
    others give the values of the records alone, with their measured error: exact (float64, 4 n²
    bytes), hybrid (float32, 2 n²), out_of_core (float32 on disk), nystrom (low rank, a few per
    cent off); auto is exact where it fits, then hybrid, then out_of_core."""
    memory: float | None = None
    """GiB that a method other than dense may take; left out, 80 % of what is free."""
    landmarks: int = 1000
    """Rank of nystrom."""
    probes: int = 200
    """Random signs that correct nystrom's values; 0 for none."""
