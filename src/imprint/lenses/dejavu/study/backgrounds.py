"""Background crops of images: which have one, and the square of it that models see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.boxes.background import background_rectangles
from imprint.data.geometry import centre_squares
from imprint.data.imageset import ImageSet
from imprint.data.split import Partition
from imprint.data.view import View
from imprint.lenses.dejavu.options import CropAttackChoice
from imprint.lenses.dejavu.study.guess import SIDES, check_guesses
from imprint.study.options import CropChoice


@dataclass(frozen=True, eq=False)
class BackgroundCuts:
    """Background crops of some images.

    Attributes:
        index: int64 ``[n]``, the images that have one.
        squares: float64 ``[n, 4]``, what models see of each.
        usable: bool ``[m]``, which of the m images that is.
        reasons: str ``[m]``, why an image has none.
    """

    index: IntArray
    squares: FloatArray
    usable: BoolArray
    reasons: NDArray[np.str_]

    def dropped(self, rows: BoolArray) -> dict[str, int]:
        """Return how many of some images have no usable crop, by reason."""
        reasons, counts = np.unique(self.reasons[rows & ~self.usable], return_counts=True)
        return {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)}

    def check_any(self, rows: BoolArray, what: str) -> None:
        """Check that one of some images has a crop.

        Raises:
            ImprintError: none has.
        """
        if not self.usable[rows].any():
            raise ImprintError(
                f"{what} has a background to attack ({', '.join(self.dropped(rows))}): choose a "
                "smaller --min-crop-px, or --crop corner, which needs no boxes"
            )


@dataclass(frozen=True, eq=False)
class AttackedSet:
    """The images under attack: those of A and of B with a usable background crop.

    Attributes:
        index: int64 ``[n]``, global indices, all of A before all of B.
        squares: float64 ``[n, 4]``, the square of each background that models see.
        side: int64 ``[n]``, 0 for A and 1 for B.
        dropped: how many images have no usable crop, by reason.
    """

    index: IntArray
    squares: FloatArray
    side: IntArray
    dropped: Mapping[str, int]

    def rows(self, rows: BoolArray) -> AttackedSet:
        """Return some of the attacked images."""
        return replace(
            self, index=self.index[rows], squares=self.squares[rows], side=self.side[rows]
        )

    def crops(self, images: ImageSet) -> View:
        """Return the crops as models see them."""
        return View(images, self.index, rectangles=self.squares)


def cut_backgrounds(images: ImageSet, index: IntArray, choice: CropChoice) -> BackgroundCuts:
    """Return the background crop of each image; without boxes in the set, its corner."""
    boxes = images.boxes()
    crops = background_rectangles(
        images.sizes()[index],
        None if boxes is None else [boxes[row] for row in index],
        rule=choice.crop,
        min_px=choice.min_crop_px,
        fraction=choice.corner_fraction,
        corner=choice.corner,
    )
    squares = centre_squares(crops.rectangles[crops.usable], choice.centre_fraction)
    return BackgroundCuts(index[crops.usable], squares, crops.usable, crops.reasons)


def attacked_set(
    images: ImageSet, partition: Partition, choice: CropAttackChoice, public: int | None = None
) -> AttackedSet:
    """Return the annotated images of both sets that have a background crop.

    Args:
        images: that were split.
        partition: how.
        choice: how crops and guesses are made.
        public: how many images vote; None for the public ones of the partition.

    Raises:
        ImprintError: a set has none, or k exceeds the public images.
    """
    check_guesses(choice, images, len(partition.public) if public is None else public)
    index = np.concatenate([partition.bbox_a, partition.bbox_b])
    side = np.repeat(np.arange(2), [len(partition.bbox_a), len(partition.bbox_b)])
    backgrounds = cut_backgrounds(images, index, choice)
    for row, name in enumerate(SIDES):
        backgrounds.check_any(side == row, f"no image of set {name}")
    dropped = backgrounds.dropped(np.ones(len(index), dtype=bool))
    return AttackedSet(backgrounds.index, backgrounds.squares, side[backgrounds.usable], dropped)
