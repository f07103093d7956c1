"""Self values of all records where n × n float64 numbers are too many, with their errors.

Only the diagonal of R and α are needed
(:mod:`imprint.lenses.leave_one_out.posterior.self_influence`). Each method is an approximate
inverse R̂ that gives its own diagonal:

    exact         float64 Cholesky, a packed triangle       4 n² bytes
    hybrid        the same in float32                       2 n² bytes
    out_of_core   the same in float32, on disk, resumable   2 n² bytes of disk
    nystrom       low rank plus diagonal                    16 n m bytes

20,000 CIFAR-10 images of ten classes, fully connected ReLU kernel of depth 5, standardised pixels,
σ² = 0.1; time on two shared cores, memory beyond the inputs, median and 95 % quantile of the
relative error of KL(out ‖ in) over 200 records:

    exact         1-4 minutes  2.0 GB     1e-14  4e-14
    hybrid        2-4 minutes  1.1 GB     5e-6   2e-5
    out_of_core   2 minutes    0.8 GB     5e-6   2e-5     0.8 GB of disk
    nystrom       5 minutes    0.8 GB     4 %    10 %     m = 1000, 200 probes
                  3-4 minutes  1.0 GB     3 %    10 %     m = 3000, 200 probes

So exact where it fits, hybrid above, and nystrom where not even a disk holds n²/2 numbers: nearly
all of its time are passes over the kernel, n² d each, and its error is that of the probes.

Then conjugate gradients with R̂ as preconditioner and the kernel computed anew in float64 give, in
the same passes, α for all records, the exact values of a random sample, by which the errors are
measured, and R at random signs, for a stochastic correction of nystrom's diagonal.

Written here rather than taken from GPyTorch and linear_operator: these offer conjugate gradients
and pivoted Cholesky preconditioners for solves and log determinants, but no function for the
diagonal of the inverse, no out-of-core factor, and no error of the result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import (
    Approximation,
    CheckedExtremes,
    RelativeError,
)
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.large.approximate_inverse import (
    ApproximateInverse,
    approximate_inverse,
    choose_method,
    demand_of,
    drawn,
)
from imprint.lenses.leave_one_out.large.approximation_error import relative_errors
from imprint.lenses.leave_one_out.large.conjugate_gradients import (
    StreamedMatrix,
    converged,
    inverse_entries,
    solve,
    unit_vectors,
)
from imprint.lenses.leave_one_out.large.memory_plan import (
    CANDIDATES,
    LargeOptions,
    block_rows,
    kernel_memory,
)
from imprint.lenses.leave_one_out.large.nystrom import Nystrom
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.stochastic_diagonal import (
    Correction,
    correction,
    random_signs,
)
from imprint.lenses.leave_one_out.posterior.densities import log_evidence
from imprint.lenses.leave_one_out.posterior.posterior import check_scale, check_targets
from imprint.lenses.leave_one_out.posterior.self_influence import (
    SelfInfluence,
    bounded_divergence,
    from_diagonal,
)

FREE_MEMORY_SHARE = 0.8
DEFAULT_MEMORY = 4 << 30
"""Bytes, where the system does not say what is free."""
MAX_ENTRY_ERROR = 1e-3
"""Relative error of an entry of the inverse, as bounded, up to which it counts as known."""


@dataclass(frozen=True, eq=False)
class LargeFit:
    """What a fit of many records leaves.

    Attributes:
        influence: the self values of all records.
        weights: α = RY, float64 ``[n, c]``, refined: predictions need nothing else.
        error: relative errors of some of them, by measure, what R̂ for R makes of them; that of α
            is in both sides and comes on top.
        weights_error: ‖α − α*‖ / ‖α‖ is at most this, α* being exact.
        correction_error: standard error of the leverage of each record from the stochastic
            correction, ``[n]``; None without.
        checked: the sampled records, int64 ``[k]``.
        known: records whose values came out exactly by the way, those sampled and those that may
            be extreme, int64 ``[m]``.
        known_values: of these, within a relative ``MAX_ENTRY_ERROR``.
        method: that was used.
        passes: over the kernel matrix for the conjugate gradients.
        seconds: of each phase.
        diagonal_error: relative error of R_ss of the sampled records, signed, ``[k]``.
    """

    influence: SelfInfluence
    weights: Tensor
    error: dict[str, RelativeError]
    weights_error: float
    correction_error: Tensor | None
    checked: Tensor
    known: Tensor
    known_values: SelfInfluence
    method: str
    passes: int
    seconds: dict[str, float]
    _matrix: StreamedMatrix = field(repr=False)
    _inverse: ApproximateInverse = field(repr=False)
    targets: Tensor = field(repr=False)
    _weights_residual: Tensor = field(repr=False)
    diagonal_error: Tensor = field(repr=False)

    @property
    def noise(self) -> float:
        """σ²."""
        return self._matrix.noise

    @property
    def matrix(self) -> StreamedMatrix:
        """A."""
        return self._matrix

    @property
    def inverse(self) -> ApproximateInverse:
        """R̂."""
        return self._inverse

    @property
    def weights_residual(self) -> float:
        """‖Y − Aα‖, over all outputs."""
        return float(self._weights_residual.norm())

    @property
    def variance_bound(self) -> Tensor | None:
        """What the variance of each record without itself is at most, ``[n]``; of nystrom."""
        return self._inverse.variance_bound if isinstance(self._inverse, Nystrom) else None

    @property
    def log_evidence(self) -> float | Missing:
        """Log p(Y) in nats, from the factor's determinant; low rank has that of another matrix."""
        if not isinstance(self._inverse, PanelCholesky):
            return Missing("nystrom gives the determinant of its low-rank approximation only")
        return log_evidence(self.targets, self.weights, self._inverse.log_determinant())

    @property
    def effective_degrees_of_freedom(self) -> float:
        """Σ h, from 0 to n."""
        return float(self.influence.leverage.sum())

    def exact(self, records: Tensor, tolerance: float = 1e-8) -> SelfInfluence:
        """Return the self values of some records from their own columns of the inverse, and α.

        Args:
            records: int64 ``[k]``, all different.
            tolerance: of the residuals; entries of R have the square of it.

        Raises:
            ImprintError: the conjugate gradients did not converge.
        """
        units = unit_vectors(records, len(self.targets))
        solution = converged(solve(self._matrix, self._inverse.solve, units, tolerance))
        entries, _ = inverse_entries(solution.values, solution.residual, records, self.noise)
        # Of second order in the residuals of both.
        weights = self.weights[records] + solution.values.T @ self._weights_residual
        return _from_entries(entries, weights, self.targets[records], self.noise)

    def findings(self, extremes: CheckedExtremes | None = None) -> Approximation:
        """Return method and errors.

        Args:
            extremes: which records were computed exactly before they were named.
        """
        error = self.correction_error
        return Approximation(
            method=self.method,
            relative_error=self.error,
            weights_error_at_most=self.weights_error,
            effective_degrees_of_freedom=self.effective_degrees_of_freedom,
            passes=self.passes,
            checked=len(self.checked),
            leverage_error=None if error is None else float(error.median()),
            extremes=extremes,
        )


def fit_large(
    kernel: Kernel, x: Tensor, targets: Tensor, noise: float, options: LargeOptions | None = None
) -> LargeFit:
    """Return the self values of all records with their errors.

    Args:
        kernel: k.
        x: inputs ``[n, ...]``, floating-point.
        targets: Y, float64 ``[n, c]``, on the same device.
        noise: σ² > 0.
        options: method, memory and the rest.

    Raises:
        ImprintError: values that do not fit, too little memory, or a matrix that is not positive
            definite in float32.
    """
    options = options or LargeOptions()
    check_targets(targets, len(x), noise)
    if targets.dtype != torch.float64:
        raise ImprintError(f"the targets are {targets.dtype}: give them in torch.float64")
    seconds: dict[str, float] = {}
    with _timed(seconds, "records"):
        records = kernel.prepare(x)
    check_scale(kernel.diagonal(records), noise)
    memory = options.memory or int(FREE_MEMORY_SHARE * (free_memory(x.device) or DEFAULT_MEMORY))
    demand = demand_of(records, targets, options)
    method = choose_method(demand, memory, options)
    block = block_rows(demand.size, memory)
    matrix = StreamedMatrix(kernel, records, noise, kernel_memory(memory), block)
    with _timed(seconds, "factor"):
        inverse = approximate_inverse(matrix, method, demand, memory, options)
    with _timed(seconds, "diagonal"):
        diagonal = inverse.diagonal()
    with _timed(seconds, "conjugate gradients"):
        solved = _solved(matrix, inverse, targets, method, options)
    if solved.correction is not None:
        diagonal = _corrected(diagonal[0], solved.correction, matrix)
    entries, leverage = diagonal
    if isinstance(inverse, Nystrom):
        # The landmarks alone leave no more variance than this.
        entries = torch.maximum(entries, 1 / (inverse.variance_bound + noise))
        leverage = torch.minimum(leverage, 1 - noise * entries).clamp(min=0)
    influence = from_diagonal(leverage, entries, solved.weights, targets, noise)
    return LargeFit(
        influence,
        solved.weights,
        relative_errors(influence, solved.exact, solved.checked),
        solved.weights_error,
        None if solved.correction is None else noise * solved.correction.standard_error,
        solved.checked,
        solved.known,
        solved.known_values,
        method,
        solved.passes,
        seconds,
        matrix,
        inverse,
        targets,
        solved.weights_residual,
        entries[solved.checked] * noise * (1 + solved.exact.directions.spread[:, 0]) - 1,
    )


@dataclass(frozen=True, eq=False)
class _Solved:
    """What one run of conjugate gradients gives."""

    weights: Tensor
    weights_residual: Tensor
    weights_error: float
    checked: Tensor
    exact: SelfInfluence
    known: Tensor
    known_values: SelfInfluence
    correction: Correction | None
    passes: int


def _solved(
    matrix: StreamedMatrix,
    inverse: ApproximateInverse,
    targets: Tensor,
    method: str,
    options: LargeOptions,
) -> _Solved:
    """Return α, the exact values of a sample and the correction, from the same passes."""
    size, device, noise = len(targets), targets.device, matrix.noise
    checked = drawn(size, min(options.sample, size), options.seed, "checked").to(device)
    # A Cholesky factor's diagonal is better than anything that random signs can say of it.
    probes = options.probes if method == "nystrom" else 0
    signs = random_signs(size, probes, options.seed).to(device)
    known = torch.cat([checked, _candidates(inverse, targets, checked, noise)])
    right = torch.cat([targets, unit_vectors(known, size), signs], 1)
    usual = 1e-4 if method == "nystrom" else 1e-10
    solution = converged(solve(matrix, inverse.solve, right, options.tolerance or usual))
    widths = [targets.shape[1], len(known), probes]
    weights, columns, images = torch.split(solution.values, widths, 1)
    left, columns_left, _ = torch.split(solution.residual, widths, 1)
    entries, off = inverse_entries(columns, columns_left, known, noise)
    # Of second order in the residuals of both.
    own = weights[known] + columns.T @ left
    sampled = slice(0, len(checked))
    certain = off <= MAX_ENTRY_ERROR * entries
    return _Solved(
        weights,
        left,
        float(left.norm() / (noise * weights.norm())),
        checked,
        _from_entries(entries[sampled], weights[checked], targets[checked], noise),
        known[certain],
        _from_entries(entries[certain], own[certain], targets[known[certain]], noise),
        correction(signs, images, inverse.solve(signs)) if probes else None,
        solution.passes,
    )


def _candidates(
    inverse: ApproximateInverse, targets: Tensor, checked: Tensor, noise: float
) -> Tensor:
    """Return the records that may be extreme and are not sampled, int64 ``[k]``; of nystrom."""
    if not isinstance(inverse, Nystrom):
        return checked[:0]
    bound = bounded_divergence(inverse.variance_bound, inverse.solve(targets), noise)
    bound[checked] = -torch.inf
    count = min(CANDIDATES, len(targets) - len(checked))
    return torch.argsort(bound, descending=True, stable=True)[:count].sort().values


def _corrected(
    entries: Tensor, change: Correction, matrix: StreamedMatrix
) -> tuple[Tensor, Tensor]:
    """Return R_ss with the stochastic correction, within 1/(K_ss + σ²) and 1/σ², and leverage."""
    own = matrix.kernel.diagonal(matrix.records, memory=matrix.memory)
    least = 1 / (own + matrix.noise)
    entries = torch.minimum(
        torch.maximum(entries + change.values, least), 1 / matrix.noise + 0 * own
    )
    return entries, 1 - matrix.noise * entries


def _from_entries(entries: Tensor, weights: Tensor, targets: Tensor, noise: float) -> SelfInfluence:
    leverage = (1 - noise * entries).clamp(min=0)
    return from_diagonal(leverage, entries, weights, targets, noise)


@contextmanager
def _timed(seconds: dict[str, float], phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[phase] = time.perf_counter() - start
