"""A noise variance chosen by the targets: by the evidence, or by the leave-one-out density.

From one eigendecomposition K = U Λ Uᵀ, at any σ²,

    log p(Y) = −½ Σ_j [ |U_jᵀY|² / (λ_j + σ²) + c log(λ_j + σ²) + c log 2π ],

in n c operations, and the leave-one-out log predictive density in n²(2 + c)
(:mod:`imprint.lenses.leave_one_out.posterior.noise_path`).

**Profiled.** Predictions depend on the ratio of kernel and noise alone, and the targets of classes
vary far less than the prior of most kernels: with the kernel's size fixed, both criteria then ask
for no noise at all, only to shrink the variances. So each noise variance is judged at the best
common factor s² of kernel and noise, with q the quadratic form,

    s² = q / nc,   max log p(Y) = −½ [ nc (log 2π + 1 + log s²) + c log |A| ],

and likewise the density, whose q is a sum over left-out records. Fixed leaves s² at 1.

Each criterion is evaluated on a grid of ``PER_DECADE`` points a decade over ``RANGE`` times the
mean of k(s, s), so that no local maximum is taken for the largest, and then maximised between the
neighbours of the best point by golden section and parabolas. Where it rises down to the end of the
range, every smaller noise is as good: chosen is the largest that loses at most ``PLATEAU``.

The density asks how well each record is predicted without it, which is what this lens is about,
and is the more robust of the two where the prior is wrong, as it is for classes (Rasmussen,
Williams, "Gaussian processes for machine learning", 2006, section 5.4.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.lenses.leave_one_out.options import NoiseCriterion
from imprint.lenses.leave_one_out.posterior.duplicates import (
    copies_from_diagonal,
    influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.noise_path import Spectrum, noise_path
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence

RANGE = (1e-7, 1e4)
"""Searched noise variances, in units of the mean of k(s, s)."""
PER_DECADE = 4
LOG10_TOLERANCE = 1e-3
PLATEAU = 0.01
"""Nats per record below the limit of no noise that the largest equivalent noise may lose."""
AT_ONCE = 8
"""Noise variances whose leave-one-out values are computed together."""

Criterion = Callable[[Sequence[float]], FloatArray]
"""Values at noise variances, ``[m]``."""


@dataclass(frozen=True)
class Maximum:
    """The noise variance at which a criterion is largest, and whether that ends the range.

    At the lower end it is the largest one that is nearly as good, see ``PLATEAU``.
    """

    noise: float
    value: float
    at_edge: bool


@dataclass(frozen=True, eq=False)
class NoiseCriteria:
    """Both criteria of some records at any noise variance.

    Attributes:
        decomposition: of the kernel matrix of all records.
        targets: Y, float64 ``[n, c]``.
        variances: k(s, s), float64 ``[n]``.
        copies: for each record the first with the same bytes, int64 ``[n]``; they are left out
            together, and count once in the density.
        profiled: whether each variance is judged at the best common factor of kernel and noise.
    """

    decomposition: Spectrum
    targets: Tensor
    variances: Tensor
    copies: Tensor
    profiled: bool = True

    @cached_property
    def grid(self) -> FloatArray:
        """Noise variances over the searched range, rising."""
        middle = float(self.variances.mean())
        low, high = (math.log10(end * middle) for end in RANGE)
        return 10.0 ** np.linspace(low, high, round((high - low) * PER_DECADE) + 1)

    def log_evidence(self, noises: Sequence[float]) -> FloatArray:
        """Return log p(Y) at each noise variance, ``[m]``, in nats."""
        values = self.decomposition.values[:, None] + self._tensor(noises)
        records, outputs = self.targets.shape
        form, spread = self._quadratic_forms(noises), outputs * values.log().sum(0)
        result: FloatArray = (
            _log_density(form, spread, records * outputs, self.profiled).cpu().numpy()
        )
        return result

    def density(self, noises: Sequence[float]) -> FloatArray:
        """Return the mean leave-one-out log density of the distinct records, ``[m]``, in nats."""
        return np.array(
            [
                self._density_of(noise, each)
                for noise, each in zip(noises, self.left_out(noises), strict=True)
            ]
        )

    def _density_of(self, noise: float, left_out: SelfInfluence) -> float:
        records, outputs = len(self.distinct), self.targets.shape[1]
        form = self._left_out_forms(noise, left_out).sum()
        spread = outputs * (left_out.variance_out + noise)[self.distinct].log().sum()
        return float(_log_density(form, spread, records * outputs, self.profiled)) / records

    def evidence_scale(self, noise: float) -> float:
        """Return the common factor of kernel and noise that makes the targets most likely."""
        return float(self._quadratic_forms([noise])[0]) / self.targets.numel()

    def density_scale(self, noise: float) -> float:
        """Return the factor that predicts left-out records best."""
        forms = self._left_out_forms(noise, self.left_out([noise])[0])
        return float(forms.mean()) / self.targets.shape[1]

    def _quadratic_forms(self, noises: Sequence[float]) -> Tensor:
        """Return tr YᵀA⁻¹Y at each noise variance, ``[m]``."""
        values = self.decomposition.values[:, None] + self._tensor(noises)
        return (self._turned.square().sum(1)[:, None] / values).sum(0)

    def _left_out_forms(self, noise: float, left_out: SelfInfluence) -> Tensor:
        """Return |y − μ_out|² / (v + σ²) of the distinct records."""
        forms = left_out.residual.square().sum(1) / (left_out.variance_out + noise)
        return forms[self.distinct]

    def left_out(self, noises: Sequence[float]) -> list[SelfInfluence]:
        """Return what leaving out each record with its copies does, at each noise variance."""
        result = []
        for start in range(0, len(noises), AT_ONCE):
            part = list(noises[start : start + AT_ONCE])
            paths = noise_path(self.decomposition, self.targets, part)
            result += [self._together(*each) for each in zip(part, paths, strict=True)]
        return result

    @cached_property
    def distinct(self) -> Tensor:
        """Rows of records without the later ones of exact copies, int64."""
        own = torch.arange(len(self.copies))
        return torch.nonzero(self.copies.cpu() == own).flatten().to(self.targets.device)

    @cached_property
    def _turned(self) -> Tensor:
        return self.decomposition.vectors.T @ self.targets

    def _tensor(self, noises: Sequence[float]) -> Tensor:
        return torch.tensor(list(noises), dtype=torch.float64, device=self.targets.device)

    def _together(self, noise: float, alone: SelfInfluence) -> SelfInfluence:
        weights = alone.residual / (alone.variance_out + noise)[:, None]
        directions = copies_from_diagonal(alone, weights, self.variances, noise, self.copies)
        return influence_with_copies(alone, directions, self.targets, noise, self.copies)


def _log_density(form: Tensor, spread: Tensor, count: int, profiled: bool) -> Tensor:
    """Return the log density of ``count`` normal numbers.

    Args:
        form: their quadratic form.
        spread: log determinant of their covariance.
        count: how many.
        profiled: at the best factor of the covariance, in place of 1.
    """
    if profiled:
        form, spread = torch.full_like(form, count), spread + count * (form / count).log()
    return -0.5 * (form + spread + count * math.log(2 * math.pi))


def maximise(
    criterion: Criterion, grid: FloatArray, values: FloatArray, plateau: float = 0.0
) -> Maximum:
    """Return where a criterion is largest, near the best point of a grid.

    >>> grid = 10.0 ** np.arange(-3.0, 2.0)
    >>> best = maximise(lambda noises: -np.square(np.log10(noises) + 0.4), grid, -np.square(
    ...     np.log10(grid) + 0.4))
    >>> round(math.log10(best.noise), 2), best.at_edge
    (-0.4, False)

    Args:
        criterion: to be maximised.
        grid: noise variances, rising, ``[m]``.
        values: of the criterion there.
        plateau: what the choice may lose where the criterion rises down to the end of the grid.
    """
    from scipy.optimize import minimize_scalar

    best = int(np.argmax(values))
    if best == 0:
        # Up to the first variance that loses more: what rises again later is another maximum.
        worse = np.flatnonzero(values < values[0] - plateau)
        last = int(worse[0]) - 1 if len(worse) else len(grid) - 1
        return Maximum(float(grid[last]), float(values[last]), True)
    ends = np.log10(grid[[max(0, best - 1), min(len(grid) - 1, best + 1)]])
    search = minimize_scalar(
        lambda logarithm: -float(criterion([10.0**logarithm])[0]),
        bounds=(float(ends[0]), float(ends[1])),
        method="bounded",
        options={"xatol": LOG10_TOLERANCE},
    )
    at_edge = best == len(grid) - 1
    if -search.fun > values[best]:
        return Maximum(float(10.0**search.x), float(-search.fun), at_edge)
    return Maximum(float(grid[best]), float(values[best]), at_edge)


@dataclass(frozen=True, eq=False)
class ChosenNoise:
    """The choices by both criteria, and the criteria over the grid.

    Attributes:
        density, evidence: the choices.
        grid: noise variances, ``[m]``.
        densities: mean leave-one-out log density there, ``[m]``.
        evidences: log p(Y) there, ``[m]``.
    """

    density: Maximum
    evidence: Maximum
    grid: FloatArray
    densities: FloatArray
    evidences: FloatArray

    def by(self, criterion: NoiseCriterion) -> float:
        """Return the noise variance that a criterion chose."""
        return self.density.noise if criterion == "density" else self.evidence.noise


def choose_noise(criteria: NoiseCriteria) -> ChosenNoise:
    """Return the noise variances at which each criterion is largest."""
    grid, count = criteria.grid, len(criteria.targets)
    densities, evidences = criteria.density(grid.tolist()), criteria.log_evidence(grid.tolist())
    return ChosenNoise(
        maximise(criteria.density, grid, densities, PLATEAU),
        maximise(criteria.log_evidence, grid, evidences, PLATEAU * count),
        grid,
        densities,
        evidences,
    )
