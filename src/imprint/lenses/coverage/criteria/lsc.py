"""Likelihood-based surprise coverage (Kim, Feldt, Yoo, ICSE 2019).

The surprise of a trace x of class c is −log p_c(x), with p_c a Gaussian kernel density estimate
from the N_c training traces of the class:

    p_c(x) = (1/N_c) Σ_i N(x; x_i, H_c).

By default x is first projected on the training data's leading principal components, at most 64
and at most half as many as the smallest class has inputs, and H_c = N_c^(−2/(d+4))·Σ_c, Σ_c the
covariance of the class (divisor N_c − 1): Scott's rule, as ``scipy.stats.gaussian_kde`` has it.

The published code instead takes all neurons and H = 0.2²·I whatever the data. In hundreds of
dimensions that is no density but half the squared distance to the nearest trace over 0.04, plus a
constant. ``compat`` asks for it, and for cutting buckets by truncation, which merges those on both
sides of 0; ``kernel=fixed`` and ``dimensions=0`` for parts of it.

Cost: N_c·d multiply-adds an input, and A·d for the projection; memory N·d numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, solve_triangular
from scipy.special import logsumexp
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.bounds import Bounds
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.factor import covariance_factor
from imprint.lenses.coverage.criterion.surprise import FloatArray, Surprise, SurpriseOptions, Width
from imprint.neurons.activations import Batch


@dataclass(frozen=True)
class LikelihoodSurpriseOptions(SurpriseOptions):
    """Settings of likelihood-based surprise."""

    width: Width = 10.0
    """Width of a bucket."""

    kernel: Literal["scott", "fixed"] = "scott"
    """Kernels shaped like their class by Scott's rule, or round ones of a fixed bandwidth."""

    bandwidth: Annotated[float, Bounds(above=0)] = 0.2
    """Standard deviation of fixed kernels."""

    dimensions: Annotated[int, Bounds(least=0)] = 64
    """Principal components at most; 0 takes the neurons themselves."""

    compat: bool = False
    """Fixed kernels on all neurons and truncated buckets, as the published code has them."""


@criterion("lsc", "degrees of surprise by likelihood")
class LikelihoodSurpriseCoverage(Surprise):
    """Distinct log densities under the training inputs of the own class."""

    Options = LikelihoodSurpriseOptions
    options: LikelihoodSurpriseOptions

    def learn(self, traces: list[FloatArray], classes: IntArray) -> dict[str, Tensor]:
        """Project the traces and whiten them by their class's kernel.

        Returns:
            ``centre`` ``[A]`` and ``projection`` ``[A, d]``, without columns where there is none;
            per class ``factors`` ``[C, d, d]``, the lower Cholesky factor of the kernel's
            covariance, and ``counts``; and ``points`` ``[N, d]``, the whitened traces, class after
            class.
        """
        everything = np.concatenate(traces)
        centre = everything.mean(0, dtype=np.float64)
        projection = np.empty((len(centre), 0))
        if self.options.dimensions and not self.options.compat:
            smallest = min(len(rows) for rows in traces)
            room = min(self.options.dimensions, max(1, smallest // 2), len(centre))
            projection = _components(everything, room)
        projected = [_project(rows, centre, projection) for rows in traces]
        factors = [
            self._factor(rows, label) for rows, label in zip(projected, classes, strict=True)
        ]
        points = [_whiten(rows, factor) for rows, factor in zip(projected, factors, strict=True)]
        return {
            "centre": torch.from_numpy(centre),
            "projection": torch.from_numpy(projection),
            "factors": torch.from_numpy(np.stack(factors)),
            "points": torch.from_numpy(np.concatenate(points)),
            "counts": torch.tensor([len(rows) for rows in traces]),
        }

    def _factor(self, rows: NDArray[np.float64], label: int) -> NDArray[np.float64]:
        """Return the Cholesky factor of a class's kernel; a number ``[1, 1]`` if it is round."""
        if self.options.compat or self.options.kernel == "fixed":
            return np.full((1, 1), 0.2 if self.options.compat else self.options.bandwidth)
        count, dimensions = rows.shape
        try:
            if count < 2:
                raise LinAlgError
            covariance = np.cov(rows, rowvar=False).reshape(dimensions, dimensions)
            factor = covariance_factor(covariance)
        except LinAlgError:
            raise ImprintError(
                f"lsc: the {count} training inputs of class {label} do not vary in all of "
                f"{dimensions} dimensions: choose fewer by lsc.dimensions, or lsc.kernel=fixed"
            ) from None
        scott: float = count ** (-1 / (dimensions + 4))
        return factor * scott

    def degrees(self, traces: FloatArray, classes: IntArray) -> NDArray[np.float64]:
        """Return minus the log density of each trace."""
        counts, factors = self.learned_array("counts"), self.learned_array("factors")
        blocks = np.split(self.learned_array("points"), np.cumsum(counts)[:-1])
        centre, projection = self.learned_array("centre"), self.learned_array("projection")
        projected = _project(traces, centre, projection)
        surprise = np.empty(len(traces))
        for place in np.unique(classes):
            mine, factor = classes == place, factors[place]
            points = _whiten(projected[mine], factor)
            exponents = points @ blocks[place].T
            exponents -= 0.5 * np.square(blocks[place]).sum(1)
            exponents -= 0.5 * np.square(points).sum(1)[:, None]
            diagonal = np.broadcast_to(np.diag(factor), points.shape[1])
            constant = np.log(diagonal * np.sqrt(2 * np.pi)).sum() + np.log(counts[place])
            surprise[mine] = constant - logsumexp(exponents, axis=1)
        return surprise

    def buckets(self, batch: Batch) -> IntArray:
        """Return the bucket of each input, truncated towards 0 in compat mode."""
        if self.options.compat and not self.options.upper:
            return np.trunc(self.surprise(batch) / self.options.width).astype(np.int64)
        return super().buckets(batch)


def _components(traces: FloatArray, count: int) -> NDArray[np.float64]:
    """Return the leading principal components, float64 ``[A, count]``.

    Fewer where the traces vary in fewer directions by more than their rounding: of a neuron that is
    a sum of others, the rest is noise of the last digit.
    """
    from sklearn.decomposition import PCA

    # PCA takes the mean from the summed products, where a large one costs all digits.
    centred = traces - traces.mean(axis=0, dtype=np.float64)
    analysis = PCA(count, random_state=derive(0, "principal components") % 2**32).fit(centred)
    spread = np.sqrt(np.maximum(analysis.explained_variance_, 0))
    varies = spread > max(traces.shape) * np.finfo(traces.dtype).eps * spread[0]
    components: NDArray[np.float64] = analysis.components_[varies].T
    return components


def _project(
    traces: FloatArray, centre: NDArray[np.float64], projection: NDArray[np.float64]
) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = traces - centre
    return centred @ projection if projection.size else centred


def _whiten(rows: NDArray[np.float64], factor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows in units of the kernel, ``[b, d]``."""
    if factor.size == 1:
        scaled: NDArray[np.float64] = rows / factor[0, 0]
        return scaled
    whitened: NDArray[np.float64] = solve_triangular(factor, rows.T, lower=True).T
    return whitened
