"""Background crops as files, to look at or to train on elsewhere.

Written as PNG: the pixels are those that an encoder is attacked with, to the last bit, unlike the
published export, which truncated and compressed them (dejavu spec §10, T12).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.boxes.background import Corner, CropRule, background_rectangles
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.file_names import export_names
from imprint.data.files import stream, usable_indices
from imprint.data.geometry import centre_squares, whole_rectangles
from imprint.data.imageset import ImageSet
from imprint.data.picture import to_picture
from imprint.study.step import Step

BATCH = 64


@dataclass(frozen=True)
class Backgrounds:
    """The background squares of some images.

    Attributes:
        crops: the squares of the images that have one.
        reasons: how many others there are, by the reason why they have none.
    """

    crops: CroppedImages
    reasons: Mapping[str, int]


def background_crops(
    images: ImageSet,
    indices: IntArray,
    rule: CropRule,
    min_px: float,
    fraction: float,
    corner: Corner,
    centre_fraction: float,
) -> Backgrounds:
    """Return the centre square of the background of each image that has one.

    Args:
        images: where they come from.
        indices: int64 ``[n]``, which of them; those left out as corrupt are passed over.
        rule: see :mod:`imprint.data.boxes.background`, like the next three.
        min_px: the shorter side must be longer than this.
        fraction: of the corner crop.
        corner: which one.
        centre_fraction: share of the shorter side that the square keeps.

    Raises:
        ImprintError: no image has a background, or a rule that needs boxes and has none.
    """
    indices = indices[np.isin(indices, usable_indices(images))]
    boxes = images.boxes()
    crops = background_rectangles(
        images.sizes()[indices],
        None if boxes is None else [boxes[row] for row in indices.tolist()],
        rule,
        min_px,
        fraction,
        corner,
    )
    reasons, counts = np.unique(crops.reasons[~crops.usable], return_counts=True)
    if not crops.usable.any():
        raise ImprintError(
            f"none of {len(indices)} images of {images.name} has a background "
            f"({', '.join(map(str, reasons))}): choose a smaller --min-crop-px, or --crop corner, "
            "which needs no boxes"
        )
    squares = centre_squares(crops.rectangles[crops.usable], centre_fraction)
    return Backgrounds(
        CroppedImages(images, indices[crops.usable], squares),
        {str(reason): int(count) for reason, count in zip(reasons, counts, strict=True)},
    )


def write_crops(folder: Path, crops: CroppedImages, size: int) -> None:
    """Write every crop as ``folder/CLASS/STEM.png``; those that are there already stay.

    Args:
        folder: where to; made if need be.
        crops: the squares.
        size: side of the files in pixels.

    Raises:
        ImprintError: two images of one class and name.
    """
    files = [folder / f"{name}.png" for name in export_names(crops.images, crops.index.tolist())]
    missing = np.array([row for row, file in enumerate(files) if not file.exists()], dtype=np.int64)
    whole = whole_rectangles(crops.sizes()[missing])
    batches = stream(crops, missing, whole, size, BATCH)
    starts = range(0, len(missing), BATCH)
    for start, batch in zip(
        starts, track(batches, "write crops", len(starts), "batch"), strict=True
    ):
        for row, pixels in zip(missing[start : start + BATCH].tolist(), batch, strict=True):
            files[row].parent.mkdir(parents=True, exist_ok=True)
            to_picture(pixels).save(part := files[row].with_suffix(".part"), format="PNG")
            part.rename(files[row])


@dataclass(frozen=True)
class CropFiles(Step):
    """Crops as PNG files of ``size`` pixels a side, ``CLASS/STEM.png``."""

    crops: CroppedImages
    size: int

    artefact = "crops"
    resumable = True

    def build(self, path: Path) -> None:
        """Write the files that are not there yet."""
        write_crops(path, self.crops, self.size)
