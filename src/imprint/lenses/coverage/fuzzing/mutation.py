"""What a mutation of images is, how one is registered, and how a batch of them is applied.

A mutation has two amounts an image, of which 0 changes nothing. Geometric ones are affine maps of
the plane, and all of a batch share one resampling; the others change pixels where they are. After
each mutation pixels are rounded to 0 … 255, so that a mutant is an image that a file can hold, and
replaying its mutations gives it again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.registry import Registry

AMOUNTS = 2


class Mutation(ABC):
    """One kind of change.

    Attributes:
        words: what it does, for ``imprint list mutations``.
        unit: of its amounts, behind the number; empty where they go without.
        is_geometric: whether it moves pixels; an input gets one of these at most.
        is_gradual: whether a smaller amount is a smaller change.
    """

    words: ClassVar[str]
    unit: ClassVar[str] = ""
    is_geometric: ClassVar[bool] = False
    is_gradual: ClassVar[bool] = True

    @abstractmethod
    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return amounts for uniform numbers, float64 ``[n, 2]`` each; the numbers in [0, 1)."""


class GeometricMutation(Mutation):
    """An affine map about the centre of the image."""

    is_geometric = True

    @abstractmethod
    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where each output pixel is read from, float64 ``[n, 2, 3]``.

        Coordinates are (x, y, 1) from the centre, in halves of the image's width and height.
        """


class PixelMutation(Mutation):
    """A change of the values of pixels."""

    @abstractmethod
    def change(
        self, images: Tensor, amounts: FloatArray, keys: IntArray, sources: Tensor
    ) -> Tensor:
        """Return changed images.

        Args:
            images: float32 ``[n, channels, H, W]`` in [0, 255].
            amounts: float64 ``[n, 2]``.
            keys: int64 ``[n]``, of what is drawn at random.
            sources: uint8 ``[m, channels, H, W]``, other images to take a look from.

        Returns:
            float32 ``[n, channels, H, W]``, of any range.
        """


MUTATIONS: Registry[type[Mutation]] = Registry(
    "mutation", "imprint.lenses.coverage.fuzzing.mutations", group="imprint.mutations"
)


@dataclass(frozen=True, eq=False)
class Changes:
    """One mutation for each image of a batch.

    Attributes:
        kinds: int64 ``[n]``, places in a list of mutations; −1 for no change.
        amounts: float64 ``[n, 2]``.
        keys: int64 ``[n]``.
    """

    kinds: IntArray
    amounts: FloatArray
    keys: IntArray

    def __len__(self) -> int:
        return len(self.kinds)

    def rows(self, rows: IntArray | slice) -> Changes:
        """Return some of them."""
        return Changes(self.kinds[rows], self.amounts[rows], self.keys[rows])


def apply(
    mutations: Sequence[Mutation], images: Tensor, changes: Changes, sources: Tensor
) -> Tensor:
    """Return the images of a batch, each changed by its own mutation.

    Args:
        mutations: that ``changes.kinds`` number.
        images: float32 ``[n, channels, H, W]``, whole numbers in [0, 255]; they stay as they are.
        changes: one an image.
        sources: uint8 ``[m, channels, H, W]``, other images to take a look from.

    Returns:
        float32 ``[n, channels, H, W]``, whole numbers in [0, 255].
    """
    order, stretches = by_kind(changes.kinds, mutations)
    if (order[1:] > order[:-1]).all():
        return _apply_in_order(stretches, images, changes, sources)
    at = torch.from_numpy(order).to(images.device)
    together = images.index_select(0, at)
    changed = _apply_in_order(stretches, together, changes.rows(order), sources)
    return torch.empty_like(images).index_copy_(0, at, changed)


def _apply_in_order(
    stretches: list[tuple[Mutation, slice]], images: Tensor, changes: Changes, sources: Tensor
) -> Tensor:
    """Return changed images of which those of one kind lie side by side, geometric ones first."""
    maps, parts = [], []
    end = 0
    for mutation, stretch in stretches:
        end = stretch.stop
        some = changes.rows(stretch)
        if isinstance(mutation, GeometricMutation):
            maps.append(mutation.maps(some.amounts))
        elif isinstance(mutation, PixelMutation):
            parts.append(mutation.change(images[stretch], some.amounts, some.keys, sources))
    if maps:
        parts.insert(0, resample(images[: sum(map(len, maps))], np.concatenate(maps)))
    return torch.cat([*parts, images[end:]]).round_().clamp_(0, 255)


def by_kind(
    kinds: IntArray, mutations: Sequence[Mutation]
) -> tuple[IntArray, list[tuple[Mutation, slice]]]:
    """Return an order in which each kind is one stretch, geometric ones first, and the stretches.

    Args:
        kinds: int64 ``[n]``, places in ``mutations``; −1, which comes last, is of no stretch.
        mutations: that they number.
    """
    ranked = sorted(range(len(mutations)), key=lambda kind: not mutations[kind].is_geometric)
    ranks = np.empty(len(mutations) + 1, dtype=np.int64)
    ranks[[*ranked, -1]] = np.arange(len(mutations) + 1)
    ranks_of = ranks[kinds]
    order = np.argsort(ranks_of, kind="stable")
    ends = np.bincount(ranks_of, minlength=len(ranks)).cumsum().tolist()
    stretches = [
        (mutations[kind], slice(start, end))
        for kind, start, end in zip(ranked, [0, *ends], ends, strict=False)
        if start < end
    ]
    return order, stretches


def resample(images: Tensor, maps: FloatArray) -> Tensor:
    """Return images read through affine maps, bilinear; beyond the edge its pixels repeat.

    Args:
        images: float32 ``[n, channels, H, W]``.
        maps: float64 ``[n, 2, 3]``; see :meth:`GeometricMutation.maps`.
    """
    height, width = images.shape[2:]
    # Pixel centres, so that whole pixels and quarter turns fall on pixels again.
    x = (np.arange(width) + 0.5) * 2 / width - 1
    y = (np.arange(height) + 0.5) * 2 / height - 1
    along_x = torch.from_numpy(maps[:, :, :1] * x + maps[:, :, 2:]).to(images)
    along_y = torch.from_numpy(maps[:, :, 1:2] * y).to(images)
    # Side by side in memory, x and y are added and read several places at a time.
    grid = (along_x[:, :, None, :] + along_y[:, :, :, None]).permute(0, 2, 3, 1)
    return torch.nn.functional.grid_sample(images, grid, "bilinear", "border", align_corners=False)
