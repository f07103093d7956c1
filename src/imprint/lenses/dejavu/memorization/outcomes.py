"""What came of each attacked image, and the shares of a two-model test on the most confident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.stats.cut import cut_means


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The attacked images of one direction of the test, under one target and one reference.

    Attributes:
        name: of the set whose images are attacked.
        index: int64 ``[n]``, global indices.
        categories: bool ``[n, 4]``: correlated, memorized, forgotten, unassociated; one a row.
        target_confidence: float64 ``[n]``, higher is more confident.
        reference_confidence: float64 ``[n]``, likewise.
    """

    name: str
    index: IntArray
    categories: BoolArray
    target_confidence: FloatArray
    reference_confidence: FloatArray


def cut_quantities(
    outcomes: Outcomes, confidences: Sequence[float], weights: NDArray[np.int64] | None = None
) -> FloatArray:
    """Return the shares of one direction, ``[percentages, draws, quantities]``.

    Args:
        outcomes: of the images.
        confidences: percentages p in (0, 100] of most confident images.
        weights: int64 ``[draws, n]``, how often each image was drawn; every image once when None.

    The quantities are those of :class:`imprint.lenses.dejavu.findings.MemorizationEstimates`.
    """
    kinds = outcomes.categories.astype(np.float64)
    target = kinds[:, :1] + kinds[:, 1:2]
    reference = kinds[:, :1] + kinds[:, 2:3]
    rows = []
    for percent in confidences:
        own = cut_means(target, outcomes.target_confidence, percent, weights)[:, 0]
        other = cut_means(reference, outcomes.reference_confidence, percent, weights)[:, 0]
        shares = cut_means(kinds, outcomes.target_confidence, percent, weights).T
        correlated, memorized, forgotten, unassociated = shares
        rows.append(
            np.stack(
                [
                    own - other,
                    memorized - forgotten,
                    own,
                    other,
                    memorized,
                    forgotten,
                    correlated,
                    unassociated,
                ],
                axis=1,
            )
        )
    return np.stack(rows)
