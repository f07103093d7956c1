"""A Gaussian process fitted to all records, from which every model with a record less follows.

One process a class, f ~ GP(0, k), the same kernel for all, and noise of variance σ² on the targets
Y. With A = K + σ²I = LLᵀ, R = A⁻¹ and α = RY, the model without record s predicts

    μ_out(s) = y_s − α_s / R_ss   with variance   v_s = 1 / R_ss − σ²,

so nothing is ever fitted twice (Rasmussen, Williams, "Gaussian processes for machine learning",
2006, section 5.4.2). Variances are of the noise-free f. All of it is float64: with float32 kernels
the divergences of real images are wrong in the third digit.

Time n³/3 for L and 2n³/3 for R, which is made when first asked for; memory n² for each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import cholesky, cholesky_inverse
from imprint.lenses.leave_one_out.posterior.densities import log_evidence

_ROWS = 1024
MIN_NOISE_TO_KERNEL = 8 * torch.finfo(torch.float64).eps
"""Least noise variance in units of the largest k(s, s): 1 − h needs digits of its own."""
MAX_NOISE_TO_KERNEL = 1e30
"""Largest noise variance in the same units."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """What a fit leaves, on the device of the kernel matrix.

    Attributes:
        kernel_matrix: K, float64 ``[n, n]``; the caller's own tensor, not to be changed.
        targets: Y, float64 ``[n, c]``.
        noise: σ² > 0, a variance.
        factor: L, float64 ``[n, n]``, lower triangular.
        weights: α = RY, float64 ``[n, c]``.
    """

    kernel_matrix: Tensor
    targets: Tensor
    noise: float
    factor: Tensor
    weights: Tensor

    @property
    def records(self) -> int:
        """How many records were fitted."""
        return len(self.targets)

    @property
    def outputs(self) -> int:
        """c, how many independent outputs share the kernel."""
        return self.targets.shape[1]

    @cached_property
    def inverse(self) -> Tensor:
        """R, float64 ``[n, n]``, symmetric to the last bit."""
        return cholesky_inverse(self.factor)

    @cached_property
    def inverse_diagonal(self) -> Tensor:
        """R_ss, float64 ``[n]``."""
        return self.inverse.diagonal().clone()

    @cached_property
    def leverage(self) -> Tensor:
        """h_s = 1 − σ²R_ss, how far a prediction follows its own target, ``[n]``, in [0, 1].

        1 − σ²R_ss loses digits where h is small. Where that is because the kernel is small against
        the noise, h_s = Σ_j K_sj R_js has none to lose.
        """
        leverage = 1 - self.noise * self.inverse_diagonal
        small = torch.nonzero(leverage < 1e-2).flatten()
        for rows in torch.split(small, _ROWS):
            terms = self.kernel_matrix[rows] * self.inverse[rows]
            better = terms.abs().sum(1) < 1
            leverage[rows] = torch.where(better, terms.sum(1), leverage[rows])
        return leverage.clamp(min=0)

    @property
    def effective_degrees_of_freedom(self) -> float:
        """Σ λ / (λ + σ²) over the eigenvalues of K, from 0 to n: how many targets fit freely."""
        return float(self.leverage.sum())

    @property
    def leave_one_out_residuals(self) -> Tensor:
        """y_s − μ_out(s), float64 ``[n, c]``."""
        return self.weights / self.inverse_diagonal[:, None]

    @property
    def leave_one_out_predictions(self) -> Tensor:
        """μ_out(s), the prediction for each record without it, float64 ``[n, c]``."""
        return self.targets - self.leave_one_out_residuals

    @property
    def leave_one_out_accuracy(self) -> float:
        """Share of records whose class is predicted without them."""
        right = classes_of(self.leave_one_out_predictions) == classes_of(self.targets)
        return float(right.double().mean())

    @property
    def log_evidence(self) -> float:
        """Log p(Y), the log density of all targets under the prior, in nats."""
        log_determinant = 2 * float(self.factor.diagonal().log().sum())
        return log_evidence(self.targets, self.weights, log_determinant)

    def inverse_residual(self, probes: int = 8) -> float:
        """Return ‖AR − I‖ over ‖I‖, Frobenius norms, estimated with random signs in n² time.

        Some 1e-15 times the condition number of A; near 1e-8 half of the digits are gone, and a
        larger noise variance brings them back.

        Args:
            probes: how many vectors of signs, from a fixed seed.
        """
        generator = torch.Generator().manual_seed(0)
        signs = torch.randint(0, 2, (self.records, probes), generator=generator).double() * 2 - 1
        signs = signs.to(self.factor.device)
        image = self.inverse @ signs
        back = self.kernel_matrix @ image + self.noise * image
        return float((back - signs).norm()) / math.sqrt(signs.numel())


def fit(kernel_matrix: Tensor, targets: Tensor, noise: float) -> Posterior:
    """Fit all records.

    >>> posterior = fit(3 * torch.eye(2).double(), torch.tensor([[0.5], [-0.5]]).double(), 1.0)
    >>> posterior.weights.flatten().tolist(), posterior.effective_degrees_of_freedom
    ([0.125, -0.125], 1.5)

    Args:
        kernel_matrix: K, float64 ``[n, n]``, every record counted as present.
        targets: Y, float64 ``[n, c]``, see
            :func:`imprint.lenses.leave_one_out.posterior.targets.centred_one_hot`.
        noise: σ² > 0, the variance added to the diagonal as it is: not a deviation, and not in
            units of the mean diagonal.

    Raises:
        ImprintError: shapes, types or values that do not fit, or A is not positive definite.
    """
    _check(kernel_matrix, targets, noise)
    factor = kernel_matrix.clone()
    factor.diagonal().add_(noise)
    failed = cholesky(factor)
    if failed:
        raise ImprintError(
            f"the kernel matrix with {noise:g} on its diagonal is not positive definite from row "
            f"{failed - 1} on: compute the kernel in float64, or raise the noise variance"
        )
    weights = torch.cholesky_solve(targets, factor)
    return Posterior(kernel_matrix, targets, noise, factor, weights)


def classes_of(values: Tensor) -> Tensor:
    """Return the class that targets or predictions ``[n, c]`` say, int64 ``[n]``.

    The largest column; of one column, 1 where it is positive.
    """
    return values.argmax(1) if values.shape[1] > 1 else (values[:, 0] > 0).long()


def check_targets(targets: Tensor, records: int, noise: float) -> None:
    """Check what a fit takes beside the kernel.

    Raises:
        ImprintError: targets that are not finite ``[records, c]``, or a noise variance that is not
            positive and finite.
    """
    if targets.ndim != 2 or len(targets) != records or not targets.numel():
        raise ImprintError(
            f"targets of shape {list(targets.shape)} do not fit {records} records: give one row "
            "per record and one column per output"
        )
    if not targets.isfinite().all():
        raise ImprintError("a target is NaN or infinite: leave such records out")
    if not 0 < noise < math.inf:
        raise ImprintError(
            f"noise must be a positive, finite variance, got {noise:g}: without noise the model "
            "with a record knows its target, and every divergence is infinite"
        )


def check_scale(variances: Tensor, noise: float) -> None:
    """Check that neither the kernel nor the noise is lost beside the other.

    Args:
        variances: k(s, s) of the records, ``[n]``.
        noise: σ².

    Raises:
        ImprintError: a variance that is not finite, or 0 for all records, or a noise variance out
            of all proportion.
    """
    if not variances.isfinite().all():
        row = int(variances.isfinite().logical_not().nonzero()[0])
        raise ImprintError(
            f"the kernel of record {row} is too large for float64: scale the inputs down, or lower "
            "the deviations of weights and biases"
        )
    largest = float(variances.max())
    if largest <= 0:
        raise ImprintError(
            "the kernel is 0 for every record, so that nothing is learned from any: scale the "
            "inputs up, or raise the deviation of weights"
        )
    if noise < MIN_NOISE_TO_KERNEL * largest:
        raise ImprintError(
            f"a noise variance of {noise:g} is lost in rounding beside a kernel of {largest:.3g}: "
            f"raise it to {MIN_NOISE_TO_KERNEL * largest:.0e} or more"
        )
    if noise > MAX_NOISE_TO_KERNEL * largest:
        raise ImprintError(
            f"a noise variance of {noise:g} hides a kernel of {largest:.3g}: lower it to "
            f"{MAX_NOISE_TO_KERNEL * largest:.0e} or less"
        )


def is_in_scale(noise: float, largest: float) -> bool:
    """Return whether a noise variance is in proportion to the largest k(s, s)."""
    return MIN_NOISE_TO_KERNEL * largest <= noise <= MAX_NOISE_TO_KERNEL * largest


def _check(kernel_matrix: Tensor, targets: Tensor, noise: float) -> None:
    if kernel_matrix.ndim != 2 or kernel_matrix.shape[0] != kernel_matrix.shape[1]:
        raise ImprintError(
            f"a kernel matrix is square, got shape {list(kernel_matrix.shape)}: "
            "give the kernel of the records with themselves"
        )
    if kernel_matrix.dtype != torch.float64 or targets.dtype != torch.float64:
        raise ImprintError(
            f"the kernel matrix is {kernel_matrix.dtype} and the targets are {targets.dtype}: "
            "compute both in torch.float64, less is not enough for a leave-one-out difference"
        )
    check_targets(targets, len(kernel_matrix), noise)
    check_scale(kernel_matrix.diagonal(), noise)
    scale = float(kernel_matrix.diagonal().abs().max())
    for start in range(0, len(kernel_matrix), _ROWS):
        stop = min(start + _ROWS, len(kernel_matrix))
        below, above = kernel_matrix[start:stop, :stop], kernel_matrix[:stop, start:stop]
        gap = float((below - above.T).abs_().max())
        if not math.isfinite(gap):
            raise ImprintError(
                f"the kernel matrix is not finite in rows {start} to {stop - 1}: scale the inputs "
                "down, they are too far apart for float64"
            )
        if not gap <= 1e-10 * scale:
            raise ImprintError(
                f"the kernel matrix is not symmetric in rows {start} to "
                f"{stop - 1}: compute it again"
            )
