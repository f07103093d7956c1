"""Two sets of features: of real and of generated images, by the same network."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers

LARGEST_FEATURE = 1e18
"""Beyond, the cube of an inner product would leave the range of float64."""


def feature_sets(
    real: ArrayLike, generated: ArrayLike, at_least: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """Return both sets as float64 ``[n, d]`` and ``[m, d]``.

    Args:
        real: ``[n, d]``, a row an image.
        generated: ``[m, d]``, of the same network and layer.
        at_least: rows that either must have.

    Raises:
        ImprintError: no such shape, other dimensions, too few rows, or a value that is not finite
            or beyond 1e18.
    """
    sets = (_features(real, "real", at_least[0]), _features(generated, "generated", at_least[1]))
    if sets[0].shape[1] != sets[1].shape[1]:
        raise ImprintError(
            f"real images have {sets[0].shape[1]} features and generated ones {sets[1].shape[1]}: "
            "both must come from the same network and layer"
        )
    return sets


def _features(values: ArrayLike, name: str, at_least: int) -> FloatArray:
    features = as_numbers(values, f"features of {name} images")
    if features.ndim != 2 or features.shape[1] == 0:
        raise ImprintError(
            f"features of {name} images must be [images, features], got {list(features.shape)}"
        )
    if len(features) < at_least:
        raise ImprintError(f"{len(features)} {name} images are too few: give at least {at_least}")
    usable = (np.abs(features) <= LARGEST_FEATURE).all(axis=1)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise ImprintError(
            f"{name} image {row} has a feature that is not finite or beyond "
            f"{LARGEST_FEATURE:g}: check the network that made it"
        )
    return np.ascontiguousarray(features)
