"""How exact the answers of a fit by a method other than dense are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SolveAccuracy:
    """What conjugate gradients reached, and what that leaves open.

    Attributes:
        method: of the fit.
        tolerance: relative residual ‖b − Ax‖/‖b‖ asked for.
        residual: the largest that was reached.
        passes: over the kernel matrix, the most that a block of right sides took.
        right_sides: how many systems were solved.
        error_at_most: bound on the absolute error of each measure at any record and query, for
            R_ss as the fit has it.
        error_about: estimate of the same, from R̂ applied to the residual.
        diagonal_error: median and 95 % quantile of the relative error of R_ss over sampled
            records: z, a and shifts have it on top.
    """

    method: str
    tolerance: float
    residual: float
    passes: int
    right_sides: int
    error_at_most: Mapping[str, float]
    error_about: Mapping[str, float]
    diagonal_error: tuple[float, float]
