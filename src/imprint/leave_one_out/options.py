"""What can be chosen about a leave-one-out fit. Kernels and their options live with the kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.config import Numbers, Settings


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
