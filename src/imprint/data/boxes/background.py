"""Background crops: the part of an image that touches no object box.

Three rules give one rectangle an image:

- ``slab``, as published (Meehan et al. 2023): vertical slabs between the left and right edges of
  all boxes; in each, the gaps above, between and below the boxes; the gap with the longest shorter
  side. Slabs are never joined, so more boxes mean narrower crops.
- ``maxrect``: the empty rectangle with the longest shorter side there is. It is never smaller than
  the slab rule's. Exact: a rectangle that cannot grow starts at the image's or some box's edge on
  each side, so for every pair of such left and right edges the vertical gaps are looked through,
  O(m³) for m boxes.
- ``corner``: a fixed share of the image at one corner; needs no boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError

CropRule = Literal["slab", "maxrect", "corner"]
Corner = Literal["lower_left", "lower_right", "upper_left", "upper_right"]
Rectangle = tuple[int, int, int, int]

USABLE, NO_BOX, TOO_SMALL, OUTSIDE = "", "no box", "crop too small", "box outside image"
PUBLISHED_MIN_PX = 100


@dataclass(frozen=True)
class BackgroundCrops:
    """One background rectangle an image, or the reason why there is none.

    Attributes:
        rectangles: float64 ``[n, 4]`` (x0, y0, x1, y1), x1 and y1 exclusive; NaN where none.
        reasons: str ``[n]``: ``""`` where there is a rectangle, else ``"no box"``,
            ``"crop too small"`` or ``"box outside image"``.
    """

    rectangles: FloatArray
    reasons: NDArray[np.str_]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which images have a rectangle, bool ``[n]``."""
        return np.asarray(self.reasons == USABLE)

    @property
    def shorter_sides(self) -> FloatArray:
        """Shorter side of every rectangle in pixels of its image, float64 ``[n]``; NaN if none."""
        sides = self.rectangles[:, 2:] - self.rectangles[:, :2]
        return np.asarray(sides.min(axis=1))


def background_rectangles(
    sizes: ArrayLike,
    boxes: Sequence[ArrayLike] | None,
    rule: CropRule = "slab",
    min_px: float = PUBLISHED_MIN_PX,
    fraction: float = 0.3,
    corner: Corner = "lower_left",
) -> BackgroundCrops:
    """Return the background rectangle of every image.

    Args:
        sizes: ``[n, 2]``, width and height.
        boxes: one int ``[m, 4]`` array per image; the corner rule needs none.
        rule: which rectangle; see the module.
        min_px: only rectangles whose shorter side is *longer* than this are used (not ``corner``).
        fraction: side of the corner crop as a share of the image's sides, in (0, 1].
        corner: which corner.

    Raises:
        ImprintError: a rule that needs boxes and has none, not one list of boxes an image, or a
            fraction outside (0, 1].
    """
    extents = np.asarray(sizes, dtype=np.int64).reshape(-1, 2)
    if rule == "corner":
        rectangles = corner_rectangles(extents, fraction, corner)
        return BackgroundCrops(rectangles, np.full(len(extents), USABLE, dtype="<U17"))
    if boxes is None:
        raise ImprintError(
            f"the crop rule {rule} needs object boxes and these images have none: "
            "give boxes, or take the corner crop"
        )
    if len(boxes) != len(extents):
        raise ImprintError(
            f"{len(extents)} images need as many lists of boxes, got {len(boxes)}: "
            "give an empty list for an image without boxes"
        )
    best = _largest_gaps(extents, boxes, rule)
    return _accept(*best, min_px=min_px)


def corner_rectangles(sizes: ArrayLike, fraction: float, corner: Corner) -> FloatArray:
    """Return the rectangle ``fraction·W × fraction·H`` at a corner, float64 ``[n, 4]``.

    Raises:
        ImprintError: ``fraction`` is not in (0, 1].
    """
    if not 0 < fraction <= 1:
        raise ImprintError(f"corner fraction is {fraction}: choose a share above 0, up to 1")
    extents = np.asarray(sizes, dtype=np.float64)
    sides = fraction * extents
    far = np.array([corner.endswith("right"), corner.startswith("lower")])
    start = np.where(far, extents - sides, 0.0)
    end = np.where(far, extents, sides)
    return np.concatenate([start, end], axis=1)


def slab_rectangle(width: int, height: int, boxes: ArrayLike) -> Rectangle | None:
    """Return the gap of the slab rule with the longest shorter side, whatever its size.

    Of equal gaps the right-most wins, then the lowest. None when boxes cover the image.
    """
    best: Rectangle | None = None
    longest = 0
    for gap in _slab_gaps(width, height, _top_first(boxes)):
        shorter = min(gap[2] - gap[0], gap[3] - gap[1])
        if shorter > 0 and shorter >= longest:
            best, longest = gap, shorter
    return best


def largest_empty_rectangle(width: int, height: int, boxes: ArrayLike) -> Rectangle | None:
    """Return the rectangle with the longest shorter side that overlaps no box.

    Of equal ones the larger area wins, then the right-most, the lowest, and the wider. None when
    boxes cover the image.
    """
    best: Rectangle | None = None
    highest = (0, 0, 0, 0, 0)
    for gap in _maximal_gaps(width, height, _top_first(boxes)):
        across, down = gap[2] - gap[0], gap[3] - gap[1]
        rank = (min(across, down), across * down, gap[0], gap[1], across)
        if rank[0] > 0 and rank > highest:
            best, highest = gap, rank
    return best


_PER_IMAGE: dict[str, Callable[[int, int, ArrayLike], Rectangle | None]] = {
    "slab": slab_rectangle,
    "maxrect": largest_empty_rectangle,
}


def _top_first(boxes: ArrayLike) -> list[list[int]]:
    rows: list[list[int]] = np.asarray(boxes).reshape(-1, 4).tolist()
    return sorted(rows, key=itemgetter(1))


def _slab_gaps(width: int, height: int, boxes: list[list[int]]) -> Iterator[Rectangle]:
    edges = sorted({0, width, *(box[0] for box in boxes), *(box[2] for box in boxes)})
    for left, right in pairwise(edges):
        for top, bottom in _vertical_gaps(left, right, height, boxes):
            yield left, top, right, bottom


def _maximal_gaps(width: int, height: int, boxes: list[list[int]]) -> Iterator[Rectangle]:
    rights = sorted({width, *(box[0] for box in boxes)})
    for left in sorted({0, *(box[2] for box in boxes)}):
        for right in rights:
            if right > left:
                for top, bottom in _vertical_gaps(left, right, height, boxes):
                    yield left, top, right, bottom


def _vertical_gaps(
    left: int, right: int, height: int, boxes: list[list[int]]
) -> Iterator[tuple[int, int]]:
    """Yield the gaps in [0, height] that boxes, sorted by top, leave between two lines."""
    free_from = 0
    for x0, top, x1, bottom in boxes:
        if x0 < right and x1 > left:
            if top > free_from:
                yield free_from, min(top, height)
            free_from = max(free_from, bottom)
    if free_from < height:
        yield free_from, height


def _largest_gaps(
    sizes: IntArray, boxes: Sequence[ArrayLike], rule: str
) -> tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the best gap of every image, and which images have boxes, and have one outside."""
    tables = [np.asarray(table) for table in boxes]
    counts = np.array([len(table) for table in tables], dtype=np.int64)
    owner = np.repeat(np.arange(len(tables)), counts)
    flat = np.concatenate([table.reshape(-1, 4) for table in tables] or [np.empty((0, 4))])
    flat[:, 1::2] = np.clip(flat[:, 1::2], 0, sizes[owner, 1:])
    reaches_out = (flat[:, 0] < 0) | (flat[:, 2] > sizes[owner, 0])
    outside = np.bincount(owner[reaches_out], minlength=len(tables)) > 0

    best = np.full((len(tables), 4), np.nan)
    single = np.flatnonzero((counts == 1) & ~outside)
    box = flat[np.cumsum(counts)[single] - 1]
    best[single] = _ONE_BOX[rule](sizes[single], box.astype(np.float64))
    per_image = _PER_IMAGE[rule]
    for row in np.flatnonzero((counts > 1) & ~outside).tolist():
        gap = per_image(int(sizes[row, 0]), int(sizes[row, 1]), tables[row])
        if gap is not None:
            best[row] = gap
    return best, counts > 0, outside


def _one_box_slab(sizes: IntArray, box: FloatArray) -> FloatArray:
    """Return the slab rule's gap around one box, for many images at once."""
    (width, height), (x0, y0, x1, y1), zero = sizes.T, box.T, np.zeros(len(box))
    y0, y1 = np.clip([y0, y1], 0, height)
    gaps = _stack(
        (zero, zero, x0, height),
        (x0, zero, x1, y0),
        (x0, y1, x1, height),
        (x1, zero, width, height),
    )
    shorter = _sides(gaps).min(axis=2)
    last_of_the_best = 3 - np.argmax(shorter[:, ::-1], axis=1)
    return _take(gaps, shorter, last_of_the_best)


def _one_box_maxrect(sizes: IntArray, box: FloatArray) -> FloatArray:
    """Return the largest empty rectangle around one box, for many images at once."""
    (width, height), (x0, y0, x1, y1), zero = sizes.T, box.T, np.zeros(len(box))
    y0, y1 = np.clip([y0, y1], 0, height)
    gaps = _stack(
        (zero, zero, x0, height),
        (zero, zero, width, y0),
        (zero, y1, width, height),
        (x1, zero, width, height),
    )
    sides = _sides(gaps)
    shorter = sides.min(axis=2)
    ranks = (sides[:, :, 0], gaps[:, :, 1], gaps[:, :, 0], sides.prod(axis=2), shorter)
    return _take(gaps, shorter, np.lexsort(ranks, axis=1)[:, -1])


_ONE_BOX = {"slab": _one_box_slab, "maxrect": _one_box_maxrect}


def _stack(*gaps: tuple[NDArray[np.generic], ...]) -> FloatArray:
    """Return float64 ``[n, gaps, 4]``."""
    return np.stack([np.stack(gap, axis=1) for gap in gaps], axis=1).astype(np.float64)


def _sides(gaps: FloatArray) -> FloatArray:
    return np.maximum(gaps[:, :, 2:] - gaps[:, :, :2], 0)


def _take(gaps: FloatArray, shorter: FloatArray, chosen: NDArray[np.intp]) -> FloatArray:
    rows = np.arange(len(gaps))
    return np.where((shorter[rows, chosen] > 0)[:, None], gaps[rows, chosen], np.nan)


def _accept(
    best: FloatArray, boxed: NDArray[np.bool_], outside: NDArray[np.bool_], min_px: float
) -> BackgroundCrops:
    shorter = (best[:, 2:] - best[:, :2]).min(axis=1)
    reasons = np.select(
        [outside, ~boxed, ~(shorter > min_px)], [OUTSIDE, NO_BOX, TOO_SMALL], USABLE
    )
    return BackgroundCrops(np.where((reasons == USABLE)[:, None], best, np.nan), reasons)
