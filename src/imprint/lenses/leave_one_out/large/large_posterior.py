"""A fit of many records for queries: R is never there, R b is solved for.

R b comes from conjugate gradients on the streamed A = K + σ²I, preconditioned by the factor or the
landmarks of the fit. These are made when first needed: solutions that lie on the disk need none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imprint.core.device import free_memory
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.large.approximate_inverse import (
    ApproximateInverse,
    approximate_inverse,
    demand_of,
)
from imprint.lenses.leave_one_out.large.conjugate_gradients import StreamedMatrix
from imprint.lenses.leave_one_out.large.fit import (
    DEFAULT_MEMORY,
    FREE_MEMORY_SHARE,
    LargeFit,
)
from imprint.lenses.leave_one_out.large.kept_fit import KeptFit
from imprint.lenses.leave_one_out.large.memory_plan import (
    Demand,
    LargeOptions,
    block_rows,
    column_bytes,
    columns_within,
    kernel_memory,
)
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.self_influence import from_diagonal


@dataclass(frozen=True, eq=False)
class LargePosterior:
    """All records fitted by a method other than dense.

    Attributes:
        matrix: A.
        kept: diagonal of R and α.
        targets: Y, float64 ``[n, c]``.
        method: ``exact``, ``hybrid``, ``out_of_core`` or ``nystrom``.
        columns: right sides that fit the memory at a time.
        invert: makes R̂.
    """

    matrix: StreamedMatrix
    kept: KeptFit
    targets: Tensor
    method: str
    columns: int
    invert: Callable[[], ApproximateInverse]

    @cached_property
    def inverse(self) -> ApproximateInverse:
        """R̂, an approximation of R = A⁻¹."""
        return self.invert()

    @property
    def records(self) -> int:
        """N."""
        return len(self.targets)

    @property
    def outputs(self) -> int:
        """C."""
        return self.targets.shape[1]

    @property
    def noise(self) -> float:
        """σ²."""
        return self.matrix.noise

    @property
    def device(self) -> torch.device:
        """Where blocks of the matrix are computed."""
        return self.targets.device

    @cached_property
    def own(self) -> Directions:
        """What leaving out each record does to its own prediction, ``[n, 1]``."""
        kept = self.kept
        return from_diagonal(
            kept.leverage, kept.diagonal, kept.weights, self.targets, self.noise
        ).directions

    def cross(self, queries: Tensor) -> Tensor:
        """Return k(record, query), float64 ``[n, q]``, for inputs ``[q, ...]``."""
        kernel, matrix = self.matrix.kernel, self.matrix
        values: Tensor = kernel(matrix.records, kernel.prepare(queries), memory=matrix.memory)
        return values

    def variances(self, queries: Tensor) -> Tensor:
        """Return k(query, query), float64 ``[q]``."""
        return self.matrix.kernel.diagonal(queries)


def large_posterior(
    kernel: Kernel,
    values: Tensor,
    targets: Tensor,
    noise: float,
    kept: KeptFit,
    method: str,
    memory: int,
    options: LargeOptions,
) -> LargePosterior:
    """Return the fit of some records for queries within a memory.

    Args:
        kernel: k.
        values: inputs ``[n, ...]``.
        targets: Y, float64 ``[n, c]``.
        noise: σ².
        kept: of the fit.
        method: that the fit used.
        memory: bytes that may be allocated beyond the inputs.
        options: landmarks and seed of the fit, and the folder of a factor that was kept.

    Raises:
        ImprintError: not one right side fits the memory.
    """
    records = kernel.prepare(values)
    fitted = demand_of(records, targets, options)
    demand = Demand(fitted.size, fitted.records, 0, fitted.landmarks, 0)
    block = block_rows(demand.size, memory)
    matrix = StreamedMatrix(kernel, records, noise, kernel_memory(memory), block)
    columns = columns_within(demand, method, memory, options.factor is not None)
    return LargePosterior(
        matrix,
        kept.to(targets.device),
        targets,
        method,
        columns,
        lambda: approximate_inverse(matrix, method, demand, memory, options),
    )


def posterior_of(fit: LargeFit, kept: KeptFit) -> LargePosterior:
    """Return a fit whose factor is in memory for queries, within what memory is free."""
    targets, matrix = fit.targets, fit.matrix
    free = free_memory(targets.device) or DEFAULT_MEMORY
    columns = max(1, int(FREE_MEMORY_SHARE * free) // column_bytes(len(targets)))
    return LargePosterior(matrix, kept, targets, fit.method, columns, lambda: fit.inverse)
