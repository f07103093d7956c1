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

    def judge(self, images: Tensor, references: Tensor, full: Tensor) -> tuple[Tensor, Tensor]:
        """Return which images are valid, and how much of the largest allowed change is left.

        Args:
            images: float32 ``[n, channels, H, W]``, whole numbers in [0, 255].
            references: likewise.
            full: float32 ``[n]``, :func:`filled` of the references.

        Returns:
            bool ``[n]``, and float32 ``[n]`` in [0, 1].
        """
        difference = (images - references).abs_().flatten(1)
        used = exact_sum(difference)
        valid = difference.amax(1) <= self.max_change * FULL
        # Changed values are counted only of the few images that depend on it.
        rows = (~valid).nonzero()[:, 0]
        changed = exact_sum(difference.index_select(0, rows).clamp_(max=1))
        valid.index_copy_(0, rows, changed < self.max_share * full.index_select(0, rows))
        allowed = self.max_change * FULL * full.clamp_min(1)
        return valid, (1 - used / allowed).clamp_(0, 1)


def filled(images: Tensor) -> Tensor:
    """Return how many values of each image are not 0, float32 ``[n]``.

    Args:
        images: float32 ``[n, channels, H, W]``, whole numbers in [0, 255].
    """
    return exact_sum(images.flatten(1).clamp(max=1))


def exact_sum(values: Tensor) -> Tensor:
    """Return sums of whole numbers in [0, 255], float32 ``[n]``; no order of them matters.

    Args:
        values: float32 ``[n, d]``.
    """
    # float32 holds every whole number up to 2²⁴, and so every partial sum.
    exact = FULL * values.shape[1] < 2**24
    return values.sum(1) if exact else values.to(torch.int32).sum(1).float()
