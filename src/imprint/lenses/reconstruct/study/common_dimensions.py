"""Dimensions that a representation shares with its neighbours: non-zero in most of them.

Behind a rectifier a dimension at zero says that a pattern is absent, so dimensions that are
non-zero in most neighbours stand for what these have in common (Bordes et al. 2022, the
manipulation of the released code, which takes more than 14 of 20).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError


@dataclass(frozen=True, eq=False)
class CommonDimensions:
    """Which dimensions were chosen.

    Attributes:
        counts: int64 ``[d]``, neighbours in which each dimension is non-zero.
        chosen: bool ``[d]``.
    """

    counts: IntArray
    chosen: NDArray[np.bool_]


def common_dimensions(
    neighbours: NDArray[np.float32], common: int, nonzero: float, widths: dict[str, int]
) -> CommonDimensions:
    """Return the dimensions that are non-zero in more than ``common`` neighbours.

    Args:
        neighbours: their representations, float32 ``[k, d]``.
        common: a number of neighbours, below k.
        nonzero: absolute value above which a dimension counts as non-zero.
        widths: dimensions of each layer by its name, in order; their sum is d.

    Raises:
        ImprintError: no dimension is, or all of a layer are, so that none stands out.
    """
    magnitudes = np.abs(neighbours)
    counts = np.count_nonzero(magnitudes > nonzero, axis=0).astype(np.int64)
    chosen = counts > common
    count = len(neighbours)
    if not chosen.any():
        raise ImprintError(
            f"no dimension of the representation is above {nonzero:g} in more than {common} of "
            f"{count} neighbours: lower --common or --nonzero"
        )
    start = 0
    for layer, width in widths.items():
        part = slice(start, start + width)
        start += width
        if chosen[part].all():
            raise ImprintError(
                f"all {width} dimensions of the {layer} are above {nonzero:g} in more than "
                f"{common} of {count} neighbours, as without a ReLU at its end or behind an "
                "average over many positions, so being non-zero says nothing of what they share: "
                "give --nonzero a threshold (the median "
                f"absolute value is {np.median(magnitudes[:, part]):.3g}) or raise --common"
            )
    return CommonDimensions(counts, chosen)


def changed_representations(
    source: NDArray[np.float32], target: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return the source, the source with chosen dimensions at 0, and with those of the target.

    >>> chosen = np.array([True, False])
    >>> changed_representations(np.float32([1, 2]), np.float32([3, 4]), chosen).tolist()
    [[1.0, 2.0], [0.0, 2.0], [3.0, 2.0]]

    Args:
        source: float32 ``[d]``.
        target: float32 ``[d]``.
        chosen: bool ``[d]``.

    Returns:
        float32 ``[3, d]``.
    """
    return np.stack(
        [source, np.where(chosen, np.float32(0), source), np.where(chosen, target, source)]
    )
