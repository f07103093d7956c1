"""Minimised faults: fewer and smaller mutations of a seed that still make the same fault.

First each mutation is left out if the fault stays without it, the last one first; then the amounts
of each that is left are bisected. All faults are tried at once, one forward pass a fault and trial.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray, Pixels
from imprint.lenses.coverage.fuzzing.children import Breeder, replay
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION, Lineage
from imprint.lenses.coverage.fuzzing.validity import filled

BISECTIONS = 5
StillFault = Callable[[Tensor, IntArray], BoolArray]
"""Of images ``[n, …]`` in [0, 255] and the rows of their faults: which are the same fault."""


@dataclass(frozen=True, eq=False)
class Minimised:
    """Faults with as few and as small mutations as were found.

    Attributes:
        pixels: uint8 ``[n, channels, H, W]``.
        lineage: the mutations that are left.
        passes: forward passes it took.
    """

    pixels: Pixels
    lineage: Lineage
    passes: int


def minimise(breeder: Breeder, seeds: Pixels, lineage: Lineage, is_fault: StillFault) -> Minimised:
    """Return faults with fewer and smaller mutations.

    Args:
        breeder: that made them.
        seeds: uint8 ``[n, channels, H, W]``, the seed of each fault.
        lineage: of each.
        is_fault: whether images are still the fault of a row.
    """
    shrinking = _Shrinking(breeder, seeds, lineage, is_fault)
    for step in reversed(range(lineage.kinds.shape[1])):
        shrinking.leave_out(step)
    for step in range(lineage.kinds.shape[1]):
        shrinking.bisect(step)
    images, _ = shrinking.images(shrinking.lineage, np.arange(len(lineage)))
    pixels = images.to(torch.uint8).cpu().numpy()
    return Minimised(pixels, shrinking.lineage, shrinking.passes)


class _Shrinking:
    """Faults that are being made smaller."""

    def __init__(
        self, breeder: Breeder, seeds: Pixels, lineage: Lineage, is_fault: StillFault
    ) -> None:
        self.breeder, self.seeds, self.is_fault = breeder, seeds, is_fault
        copies = (array.copy() for array in vars(lineage).values())
        self.lineage = Lineage(*copies)
        self.passes = 0

    def images(self, lineage: Lineage, rows: IntArray) -> Tensor:
        """Return images and references of some faults under other mutations."""
        parts = (lineage.kinds, lineage.amounts, lineage.keys)
        return replay(self.breeder, self.seeds[rows], *parts)

    def leave_out(self, step: int) -> None:
        """Leave out one mutation of each fault that stays without it."""
        rows = np.flatnonzero(self.lineage.kinds[:, step] != NO_MUTATION)
        trial = self.lineage.rows(rows)
        trial.kinds[:, step] = NO_MUTATION
        stays = rows[self._stays(trial, rows)]
        self.lineage.kinds[stays, step] = NO_MUTATION

    def bisect(self, step: int) -> None:
        """Make one mutation of each fault as small as it stays with."""
        gradual = [k for k, each in enumerate(self.breeder.mutations) if each.is_gradual]
        rows = np.flatnonzero(np.isin(self.lineage.kinds[:, step], gradual))
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        whole = self.lineage.amounts[rows, step].copy()
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            trial = self.lineage.rows(rows)
            trial.amounts[:, step] = whole * middle[:, None]
            stays = self._stays(trial, rows)
            high, low = np.where(stays, middle, high), np.where(stays, low, middle)
        self.lineage.amounts[rows, step] = whole * high[:, None]

    def _stays(self, trial: Lineage, rows: IntArray) -> BoolArray:
        if not len(rows):
            return np.zeros(0, dtype=bool)
        images, references = self.images(trial, rows)
        self.passes += len(rows)
        allowed, _ = self.breeder.bounds.judge(images, references, filled(references))
        return np.asarray(self.is_fault(images, rows) & allowed.cpu().numpy())
