"""The Cholesky factor of a covariance, refused where rounding hides that it is singular."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, eigvalsh


def covariance_factor(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the lower Cholesky factor L, L Lᵀ the covariance.

    Rounding lets the factorisation succeed on matrices that are singular: it is refused where the
    smallest eigenvalue is below A·ε times the largest, its own rounding error.

    Args:
        covariance: float64 ``[A, A]``, symmetric.

    Raises:
        LinAlgError: singular, or of a condition number above 1/(A·ε), 2·10¹³ for A = 236.
    """
    smallest, largest = eigvalsh(covariance)[[0, -1]]
    if not smallest > len(covariance) * np.finfo(np.float64).eps * largest:
        raise LinAlgError("the covariance is singular to working precision")
    factor: NDArray[np.float64] = cholesky(covariance, lower=True)
    return factor
