"""Geometric mutations: shift, rotation, scale, shear and mirror image.

The ranges are about those of DeepHunter (Xie et al. 2019): shifts of a tenth of the side, rotations
of 30°, scales of a fifth.
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.coverage.fuzzing.mutation import MUTATIONS, GeometricMutation

MAX_SHIFT = 0.1
"""Of the side."""
MAX_DEGREES = 30.0
MAX_SCALE = 0.2
MAX_SHEAR = 0.2


def _centred(uniform: FloatArray, largest: float) -> FloatArray:
    return (2 * uniform - 1) * largest


def _one(uniform: FloatArray, largest: float) -> FloatArray:
    """Return a first amount up to ``largest`` either way, and no second one."""
    return np.stack([_centred(uniform[:, 0], largest), np.zeros(len(uniform))], 1)


def _linear(matrix: list[list[FloatArray]]) -> FloatArray:
    """Return maps ``[n, 2, 3]`` of 2 × 2 matrices given by entries ``[n]``."""
    (a, b), (c, d) = matrix
    nothing = np.zeros(len(a))
    return np.stack([np.stack([a, b, nothing], 1), np.stack([c, d, nothing], 1)], 1)


@MUTATIONS.register("shift")
class Shift(GeometricMutation):
    """Amounts are shares of width and height, to the right and down."""

    words = "shift by up to a tenth of the side"
    unit = " of the side"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return both shares."""
        return _centred(uniform, MAX_SHIFT)

    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where pixels come from."""
        maps = np.tile(np.eye(2, 3), (len(amounts), 1, 1))
        maps[:, :, 2] = -2 * amounts
        return maps


@MUTATIONS.register("rotate")
class Rotate(GeometricMutation):
    """The amount is an angle in degrees, anticlockwise as one sees the image."""

    words = "rotation by up to 30 degrees"
    unit = "°"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the angle."""
        return _one(uniform, MAX_DEGREES)

    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where pixels come from; y points down."""
        angle = np.deg2rad(amounts[:, 0])
        cos, sin = np.cos(angle), np.sin(angle)
        return _linear([[cos, -sin], [sin, cos]])


@MUTATIONS.register("scale")
class Scale(GeometricMutation):
    """The amount a makes the image 1 + a times as large."""

    words = "enlarging or shrinking by up to a fifth"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return a."""
        return _one(uniform, MAX_SCALE)

    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where pixels come from."""
        inverse = 1 / (1 + amounts[:, 0])
        return _linear([[inverse, 0 * inverse], [0 * inverse, inverse]])


@MUTATIONS.register("shear")
class Shear(GeometricMutation):
    """The amount is by how much a column moves for each row, in units of both sides."""

    words = "shear by up to a fifth of the side"
    unit = " of the side"

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return the slope."""
        return _one(uniform, MAX_SHEAR)

    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where pixels come from."""
        slope = amounts[:, 0]
        one = np.ones(len(slope))
        return _linear([[one, slope], [0 * one, one]])


@MUTATIONS.register("flip")
class Flip(GeometricMutation):
    """Left and right change places where the amount is 1. Digits and letters do not survive it."""

    words = "mirror image, left and right exchanged; not for digits or text"
    is_gradual = False

    def amounts(self, uniform: FloatArray) -> FloatArray:
        """Return 1."""
        return np.stack([np.ones(len(uniform)), np.zeros(len(uniform))], 1)

    def maps(self, amounts: FloatArray) -> FloatArray:
        """Return where pixels come from."""
        side = np.where(amounts[:, 0] >= 0.5, -1.0, 1.0)
        return _linear([[side, 0 * side], [0 * side, np.ones(len(side))]])
