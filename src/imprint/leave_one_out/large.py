"""Self values of all records where n × n float64 numbers are too many, with their errors.

Only the diagonal of R and α are needed (:mod:`imprint.leave_one_out.self_influence`). Each method
is an approximate inverse R̂ that gives its own diagonal:

    exact         float64 Cholesky, a packed triangle       4 n² bytes
    hybrid        the same in float32                       2 n² bytes
    out_of_core   the same in float32, on disk, resumable   2 n² bytes of disk
    nystrom       low rank plus diagonal                    16 n m bytes

Then conjugate gradients with R̂ as preconditioner and the kernel computed anew in float64 give, in
the same passes, α for all records, the exact values of a random sample, by which the errors are
measured, and R at random signs where a stochastic correction of the diagonal is wished.

Written here rather than taken from GPyTorch and linear_operator: these offer conjugate gradients
and pivoted Cholesky preconditioners for solves and log determinants, but no diagonal of the
inverse, no out-of-core factor, and no error of the result.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from imprint.errors import ImprintError
from imprint.leave_one_out.approximation_error import RelativeError, relative_errors
from imprint.leave_one_out.conjugate_gradients import (
    Solution,
    StreamedMatrix,
    inverse_entries,
    solve,
    unit_vectors,
)
from imprint.leave_one_out.kernels.kernel import Kernel
from imprint.leave_one_out.kernels.tiles import Records
from imprint.leave_one_out.large_options import LargeOptions
from imprint.leave_one_out.memory_plan import (
    Demand,
    available_memory,
    block_rows,
    kernel_memory,
    panel_width,
    panel_width_within,
    too_small,
)
from imprint.leave_one_out.nystrom import Nystrom
from imprint.leave_one_out.panel_cholesky import PanelCholesky
from imprint.leave_one_out.panels import FilePanels, MemoryPanels, Panels, Shape
from imprint.leave_one_out.self_influence import SelfInfluence, from_diagonal
from imprint.leave_one_out.stochastic_diagonal import Correction, correction, random_signs
from imprint.seeds import generator

class ApproximateInverse(Protocol):
    """R̂."""

    def solve(self, right: Tensor) -> Tensor:
        """Return R̂b, ``[n, k]``."""
        ...

    def diagonal(self) -> tuple[Tensor, Tensor]:
        """Return R̂_ss and the leverage, ``[n]``."""
        ...


@dataclass(frozen=True, eq=False)
class LargeFit:
    """What a fit of many records leaves.

    Attributes:
        influence: the self values of all records.
        error: relative errors of some of them, see :mod:`imprint.leave_one_out.approximation_error`.
        weights_error: ‖α − α*‖ / ‖α*‖ is at most this.
        correction_error: standard error of the leverage of each record from the stochastic
            correction, ``[n]``; None without.
        checked: the sampled records, int64 ``[k]``.
        method: that was used.
        passes: over the kernel matrix for the conjugate gradients.
        seconds: of each phase.
    """

    influence: SelfInfluence
    error: dict[str, RelativeError]
    weights_error: float
    correction_error: Tensor | None
    checked: Tensor
    method: str
    passes: int
    seconds: dict[str, float]
    _matrix: StreamedMatrix = field(repr=False)
    _inverse: ApproximateInverse = field(repr=False)
    _weights: Tensor = field(repr=False)
    _targets: Tensor = field(repr=False)

    @property
    def effective_degrees_of_freedom(self) -> float:
        """Σ h, from 0 to n."""
        return float(self.influence.leverage.sum())

    def exact(self, records: Tensor, tolerance: float = 1e-8) -> SelfInfluence:
        """Return the self values of some records from their own columns of the inverse.

        Args:
            records: int64 ``[k]``, all different.
            tolerance: of the residuals; entries of R have the square of it.

        Raises:
            ImprintError: the conjugate gradients did not converge.
        """
        units = unit_vectors(records, len(self._targets))
        solution = _converged(solve(self._matrix, self._inverse.solve, units, tolerance))
        noise = self._matrix.noise
        entries, _ = inverse_entries(solution, records, noise)
        return _self_values(entries, self._weights[records], self._targets[records], noise)

    def to_dict(self) -> dict[str, Any]:
        """Return method, errors, passes and seconds as JSON values."""
        return {
            "method": self.method,
            "relative_error": {name: error.to_dict() for name, error in self.error.items()},
            "weights_error_at_most": self.weights_error,
            "effective_degrees_of_freedom": self.effective_degrees_of_freedom,
            "passes": self.passes,
            "seconds": self.seconds,
        }


def fit_large(
    kernel: Kernel, x: Tensor, targets: Tensor, noise: float, options: LargeOptions | None = None
) -> LargeFit:
    """Return the self values of all records with their errors.

    Args:
        kernel: k.
        x: inputs ``[n, ...]``, floating-point.
        targets: Y, float64 ``[n, c]``.
        noise: σ² > 0.
        options: method, memory and the rest.

    Raises:
        ImprintError: values that do not fit, too little memory, or a matrix that is not positive
            definite in float32.
    """
    options = options or LargeOptions()
    _check(x, targets, noise)
    seconds: dict[str, float] = {}
    records = kernel.prepare(x)
    demand = _demand(records, targets, options)
    memory = options.memory or int(0.8 * available_memory())
    method = _chosen(demand, memory, options)
    matrix = StreamedMatrix(
        kernel, records, noise, kernel_memory(memory), block_rows(len(x), memory)
    )
    with _timed(seconds, "factor"):
        inverse = _inverse(matrix, method, demand, memory, options)
    with _timed(seconds, "diagonal"):
        entries, leverage = inverse.diagonal()
    with _timed(seconds, "check"):
        checked = _drawn(demand.size, demand.checked, options.seed, "checked records").to(x.device)
        signs = random_signs(demand.size, options.probes, options.seed).to(x.device)
        right = torch.cat([targets, unit_vectors(checked, demand.size), signs], 1)
        default = 1e-4 if method == "nystrom" else 1e-10
        solution = _converged(
            solve(matrix, inverse.solve, right, options.tolerance or default)
        )
    widths = [targets.shape[1], len(checked), options.probes]
    parts = [Solution(*pair, solution.passes, True) for pair in zip(
        solution.values.split(widths, 1), solution.residual.split(widths, 1), strict=True)]
    weights = parts[0].values
    fixed = None
    if options.probes:
        fixed = correction(signs, parts[2].values, inverse.solve(signs))
        entries = _within(entries + fixed.values, entries, noise)
        leverage = 1 - noise * entries
    influence = from_diagonal(leverage, entries, weights, targets, noise)
    truth, _ = inverse_entries(parts[1], checked, noise)
    exact = _self_values(truth, weights[checked], targets[checked], noise)
    return LargeFit(
        influence,
        relative_errors(influence, exact, checked),
        float(parts[0].residual.norm() / (noise * weights.norm())),
        None if fixed is None else noise * fixed.standard_error,
        checked,
        method,
        solution.passes,
        seconds,
        matrix,
        inverse,
        weights,
        targets,
    )
