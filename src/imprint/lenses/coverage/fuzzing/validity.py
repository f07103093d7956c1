"""Which mutants are close enough to what they came from to have its class still.

The rule of DeepHunter (Xie et al. 2019): a mutant is valid if few of its pixels change, however
much, or if none changes by more than a share of the range. What it is compared with is the seed,
or the seed after its geometric mutation, which moves every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FULL = 255.0


@dataclass(frozen=True)
class ChangeBounds:
    """How much a mutant may differ from its reference.

    Attributes:
        max_share: of the values that are not 0 in the reference; fewer may change at will.
        max_change: of the range of a value, where more of them change.
    """

    max_share: float = 0.2
    max_change: float = 0.4

    def allow(self, images: Tensor, references: Tensor) -> Tensor:
        """Return which images are valid, bool ``[n]``.

        Args:
            images: float32 ``[n, channels, H, W]`` in [0, 255].
            references: likewise.
        """
        difference = (images - references).abs_().flatten(1)
        few = (difference > 0).sum(1) < self.max_share * filled(references)
        return few | (difference.amax(1) <= self.max_change * FULL)

    def room(self, images: Tensor, references: Tensor) -> Tensor:
        """Return how much of the largest allowed change is left, float64 ``[n]`` in [0, 1]."""
        used = (images - references).abs_().flatten(1).sum(1, dtype=torch.float64)
        allowed = self.max_change * FULL * filled(references).clamp_min(1)
        return (1 - used / allowed).clamp(0, 1)


def filled(images: Tensor) -> Tensor:
    """Return how many values of each image are not 0, int64 ``[n]``."""
    return torch.count_nonzero(images.flatten(1), dim=1)
