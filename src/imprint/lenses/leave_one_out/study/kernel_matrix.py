"""A kernel matrix that the user brings: checked to be one, and as inputs of the kernel given."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.kernels.given import matrix_inputs, query_inputs
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import cholesky

MAX_ASYMMETRY = {8: 1e-10, 4: 1e-5, 2: 1e-2}
"""|K − Kᵀ| in units of the largest diagonal entry, by bytes of a number; rounding leaves less."""
EIGENVALUE_ROUNDINGS = 10
"""How far below 0 an eigenvalue may be, in n roundings of the largest diagonal entry."""
LANCZOS_STEPS = 60
MAX_CROSS_EXCESS = 1e-3
"""Share by which rounding may take k(q, s) beyond √(k(q, q) k(s, s)), as that of half precision."""


def kernel_inputs(matrix: NDArray[np.floating], index: IntArray, where: str) -> FloatArray:
    """Return some records of a kernel matrix as inputs, float64 ``[m, 2 + m]``.

    The matrix is symmetrised where it is asymmetric by rounding.

    Args:
        matrix: ``[n, n]``, of floats.
        index: rows that are taken, ``[m]``.
        where: the source, for messages.

    Raises:
        ImprintError: no square matrix, not symmetric, or with a negative eigenvalue.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ImprintError(
            f"{where}: kernel has shape {list(matrix.shape)}, expected [n, n]: give the kernel of "
            "the records with themselves, and that of queries as kernel_queries [q, n]"
        )
    size = matrix.dtype.itemsize if matrix.dtype.kind == "f" else 8
    taken = torch.from_numpy(matrix[np.ix_(index, index)].astype(np.float64))
    symmetric = _symmetrised(taken, index, min(size, 8), where)
    check_eigenvalues(symmetric, eigenvalue_tolerance(symmetric, min(size, 8)), where)
    return matrix_inputs(symmetric).numpy()


def kernel_queries(
    cross: FloatArray,
    variances: FloatArray,
    index: IntArray,
    where: str,
    name: str,
    records: FloatArray | None = None,
) -> FloatArray:
    """Return queries of such a fit as inputs, float64 ``[q, 2 + m]``.

    Args:
        cross: kernel with the records of the matrix, float64 ``[q, n]``.
        variances: kernel of each query with itself, float64 ``[q]``.
        index: rows of the matrix that were fitted, ``[m]``.
        where: the source, for messages.
        name: of ``cross`` there.
        records: the records as inputs, float64 ``[m, 2 + m]``; None does not check pairs.

    Raises:
        ImprintError: another number of records, a variance below 0, or a pair whose kernel is
            beyond what the variances of the two allow, k(q, s)² ≤ k(q, q) k(s, s).
    """
    width, last = cross.shape[1], int(index[-1])
    if width <= last or (len(index) == last + 1 and width != len(index)):
        raise ImprintError(
            f"{where}: {name} has {width} columns, but the kernel is of "
            f"{'more than ' * (len(index) <= last)}{max(len(index), last + 1)} records: give one "
            "column per record, in their order"
        )
    if not (variances >= 0).all():
        row, own = int(np.flatnonzero(variances < 0)[0]), name.replace("queries", "query")
        raise ImprintError(
            f"{where}: {own}_diagonal[{row}] is {variances[row]:g}, and no input has a negative "
            "variance: give k(q, q)"
        )
    chosen = torch.from_numpy(np.ascontiguousarray(cross[:, index]))
    if records is not None:
        _check_pairs(cross[:, index], variances, records[:, 1], where, name)
    return query_inputs(chosen, torch.from_numpy(variances)).numpy()


def _check_pairs(
    cross: FloatArray, variances: FloatArray, own: FloatArray, where: str, name: str
) -> None:
    largest = np.sqrt(variances)[:, None] * np.sqrt(own)
    excess = np.abs(cross) - (1 + MAX_CROSS_EXCESS) * largest
    row, column = np.unravel_index(int(excess.argmax()), excess.shape)
    if excess[row, column] > 0:
        raise ImprintError(
            f"{where}: {name}[{row}] has the kernel {cross[row, column]:g} with a record, and "
            f"variances of {variances[row]:g} and {own[column]:g} allow {largest[row, column]:g} "
            "at most: give the queries' own kernel k(q, q), computed as that of the records"
        )


def eigenvalue_tolerance(matrix: Tensor, size: int) -> float:
    """Return how far below 0 rounding may take an eigenvalue.

    Args:
        matrix: float64 ``[n, n]``.
        size: bytes of the numbers that it came in.
    """
    rounding = {8: 2.0**-52, 4: 2.0**-23}.get(size, 2.0**-10)
    return EIGENVALUE_ROUNDINGS * len(matrix) * rounding * float(matrix.diagonal().abs().max())


def check_eigenvalues(matrix: Tensor, tolerance: float, where: str) -> None:
    """Check that no eigenvalue is below −``tolerance``, by a Cholesky factor, n³/3 operations.

    Args:
        matrix: float64 ``[n, n]``, symmetric.
        tolerance: above 0.
        where: the source, for messages.

    Raises:
        ImprintError: one is; the message says how low, as far as a few Lanczos steps find. Or the
            kernel is 0 for every record.
    """
    if not bool((matrix.diagonal() >= 0).all()):
        row = int((matrix.diagonal() < 0).nonzero()[0])
        raise ImprintError(
            f"{where}: kernel[{row}, {row}] is {float(matrix[row, row]):g}, and no record has a "
            "negative variance: check how the kernel was computed"
        )
    largest = float(matrix.diagonal().max())
    if largest < torch.finfo(torch.float64).tiny:
        raise ImprintError(
            f"{where}: kernel is {largest:g} or less for every record with itself, so that nothing "
            "is learned from any: scale it up"
        )
    shifted = matrix.clone()
    shifted.diagonal().add_(tolerance)
    if not cholesky(shifted):
        return
    raise ImprintError(
        f"{where}: kernel has an eigenvalue of {_lowest(matrix):.3g} or less, and a kernel has "
        "none below 0: check how it was computed, or add that much to its diagonal"
    )


def _lowest(matrix: Tensor) -> float:
    """Return an upper bound of the smallest eigenvalue, close where it lies apart; n² a step."""
    count = len(matrix)
    vector = torch.randn(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    basis = [vector / vector.norm()]
    for _ in range(min(LANCZOS_STEPS, count) - 1):
        following = matrix @ basis[-1]
        spanned = torch.stack(basis)
        for _ in range(2):
            following = following - spanned.T @ (spanned @ following)
        length = float(following.norm())
        if not length > 1e-12 * float(matrix.abs().max()):
            break
        basis.append(following / length)
    spanned = torch.stack(basis)
    return float(torch.linalg.eigvalsh(spanned @ matrix @ spanned.T)[0])


def _symmetrised(matrix: Tensor, index: IntArray, size: int, where: str) -> Tensor:
    scale, gap = float(matrix.diagonal().abs().max()), matrix - matrix.T
    worst = float(gap.abs().max())
    if worst == 0:
        return matrix
    if not worst <= MAX_ASYMMETRY[size] * scale or not math.isfinite(worst):
        row, column = divmod(int(gap.abs().argmax()), len(matrix))
        first, second = int(index[row]), int(index[column])
        raise ImprintError(
            f"{where}: kernel[{first}, {second}] is {float(matrix[row, column]):g}, but "
            f"kernel[{second}, {first}] is {float(matrix[column, row]):g}: a kernel is symmetric"
        )
    log(f"{where}: kernel is symmetric up to {worst:.0e}, the mean of both halves is used")
    return (matrix + matrix.T) / 2
