"""Mahalanobis surprise coverage: distance from the own class in its own units (Kim et al. 2020).

The surprise of a trace x of class c is √((x − μ_c)ᵀ Σ_c⁻¹ (x − μ_c)), with mean and covariance of
the class's training traces. Σ_c is shrunk towards a multiple of the identity by as much as Ledoit
and Wolf (2004) find best, since it is singular wherever a class has no more inputs than A; or, with
``shrinkage=none``, taken as it is and refused where it is singular.

Each class's covariance is factored once; an input costs one triangular solve, A² multiply-adds.
Fit: N·A² multiply-adds and C factorisations; memory C·A² numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solve_triangular
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.factor import covariance_factor
from imprint.lenses.coverage.criterion.surprise import FloatArray, Surprise, SurpriseOptions, Width


@dataclass(frozen=True)
class MahalanobisSurpriseOptions(SurpriseOptions):
    """Settings of Mahalanobis surprise."""

    width: Width = 10.0
    """Width of a bucket."""

    shrinkage: Literal["ledoit_wolf", "none"] = "ledoit_wolf"
    """How each class's covariance is kept from being singular."""


@criterion("mdsc", "degrees of surprise by Mahalanobis distance")
class MahalanobisSurpriseCoverage(Surprise):
    """Distinct Mahalanobis distances from the training inputs of the own class."""

    Options = MahalanobisSurpriseOptions
    options: MahalanobisSurpriseOptions

    def learn(self, traces: list[FloatArray], classes: IntArray) -> dict[str, Tensor]:
        """Factor each class's covariance."""
        means, factors = [], []
        for rows, label in zip(traces, classes, strict=True):
            values = rows.astype(np.float64)
            mean = values.mean(0)
            covariance = self._covariance(values - mean)
            try:
                factors.append(covariance_factor(covariance))
            except LinAlgError:
                shrinking = self.options.shrinkage == "ledoit_wolf"
                raise ImprintError(
                    f"mdsc: the covariance of class {label} is singular, {len(rows)} inputs for "
                    f"{rows.shape[1]} neurons: give more inputs"
                    + ("" if shrinking else ", or mdsc.shrinkage=ledoit_wolf")
                ) from None
            means.append(mean)
        return {
            "means": torch.from_numpy(np.stack(means)),
            "factors": torch.from_numpy(np.stack(factors)),
        }

    def _covariance(self, deviations: NDArray[np.float64]) -> NDArray[np.float64]:
        # Of one input nothing can be shrunk, and scikit-learn warns.
        if self.options.shrinkage == "none" or len(deviations) == 1:
            return deviations.T @ deviations / len(deviations)
        from sklearn.covariance import ledoit_wolf

        shrunk: NDArray[np.float64] = ledoit_wolf(deviations, assume_centered=True)[0]
        return shrunk

    def degrees(self, traces: FloatArray, classes: IntArray) -> NDArray[np.float64]:
        """Return the Mahalanobis distance of each trace."""
        means, factors = self.learned_array("means"), self.learned_array("factors")
        distances = np.empty(len(traces))
        for place in np.unique(classes):
            mine = classes == place
            deviations = traces[mine] - means[place]
            whitened = solve_triangular(factors[place], deviations.T, lower=True)
            distances[mine] = np.linalg.norm(whitened, axis=0)
        return distances
