"""The units of real-valued targets: a process is fitted to (y − centre) / scale, output by output.

Both numbers are those of all records and stay when one is left out. What concerns one output is
stated in the units of that output. What mixes outputs, such as a residual's length, is so as well
where all have one scale, and else in their standard deviations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.study.tables import Table

LENGTHS = ("residual_norm", "memorization", "memorization_alone", "influence", "error_out")
SQUARES = ("mean_distance", "variance_out")


@dataclass(frozen=True, eq=False)
class TargetUnits:
    """Centre and scale of each output.

    Attributes:
        centre: float64 ``[c]``.
        scale: float64 ``[c]``, above 0.
    """

    centre: FloatArray
    scale: FloatArray

    @property
    def common_scale(self) -> float | None:
        """The scale of all outputs; None where they differ."""
        return float(self.scale[0]) if bool((self.scale == self.scale[0]).all()) else None

    @property
    def mixed_scale(self) -> float:
        """What values that mix outputs are multiplied by: 1 where scales differ."""
        return 1.0 if self.common_scale is None else self.common_scale

    def to_fit(self, values: FloatArray) -> FloatArray:
        """Return values ``[n, c]`` as the process is fitted to them."""
        fitted: FloatArray = (values - self.centre) / self.scale
        return fitted

    def of_targets(self, fitted: FloatArray) -> FloatArray:
        """Return fitted values ``[..., c]`` in units of the targets."""
        values: FloatArray = fitted * self.scale + self.centre
        return values

    def convert(self, columns: Table) -> Table:
        """Return columns that mix outputs in the units of :attr:`mixed_scale`."""
        factor = self.mixed_scale
        powers = {**dict.fromkeys(LENGTHS, 1), **dict.fromkeys(SQUARES, 2)}
        return {
            name: column * factor ** powers[name] if name in powers else column
            for name, column in columns.items()
        }

    def convert_measures(self, measures: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return measures of queries in units of the targets; ``shift [..., c]`` in its output's.

        Args:
            measures: by name.
        """
        if bool((self.scale == 1).all()):
            return dict(measures)
        factor = self.mixed_scale
        result = {}
        for name, values in measures.items():
            if name == "shift":
                result[name] = values * torch.from_numpy(self.scale).to(values.device)
            elif name in LENGTHS:
                result[name] = values * factor
            else:
                result[name] = values * factor**2 if name in SQUARES else values
        return result


def no_units(outputs: int) -> TargetUnits:
    """Return the units of targets that are fitted as they are, such as those of classes."""
    return TargetUnits(np.zeros(outputs), np.ones(outputs))


def standardised(values: NDArray[np.floating]) -> tuple[FloatArray, TargetUnits]:
    """Return real values with mean 0 and variance 1 an output, and their units.

    >>> fitted, units = standardised(np.array([[1.0], [3.0]]))
    >>> fitted.tolist(), units.scale.tolist(), units.of_targets(fitted).tolist()
    ([[-1.0], [1.0]], [1.0], [[1.0], [3.0]])

    Args:
        values: ``[n]`` or ``[n, c]``; a constant output becomes 0.

    Raises:
        ImprintError: a value that is not finite, or nothing but constant outputs.
    """
    columns = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if not np.isfinite(columns).all():
        raise ImprintError("a target is NaN or infinite: leave such records out")
    varies = np.ptp(columns, axis=0) > 0
    if not varies.any():
        raise ImprintError("all targets are the same, so there is nothing to predict")
    with np.errstate(over="ignore"):
        spread = np.where(varies, columns.std(0), 1.0)
    if not np.isfinite(spread).all() or not (spread > 0).all():
        raise ImprintError("targets are too large or too close for float64: scale them")
    units = TargetUnits(columns.mean(0), spread)
    fitted = np.where(varies, units.to_fit(columns), 0.0)
    return fitted, units
