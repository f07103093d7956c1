"""What a fit of many records keeps for later queries: of R its diagonal alone, and α.

Everything else that a query needs is R k_Xq, which
:mod:`imprint.lenses.leave_one_out.large.solutions` computes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.core.durable import replacing
from imprint.lenses.leave_one_out.large.extremes import Extremes
from imprint.lenses.leave_one_out.large.fit import LargeFit
from imprint.study.array_file import array, read_array_file


@dataclass(frozen=True, eq=False)
class KeptFit:
    """The diagonal of R = (K + σ²I)⁻¹ and α = RY, with their errors; float64.

    Attributes:
        diagonal: R_ss, ``[n]``.
        leverage: 1 − σ²R_ss, with digits of its own where it is small, ``[n]``.
        weights: α, ``[n, c]``.
        weights_residual: ‖Y − Aα‖ over all outputs: with it |α_s − α*_s| ≤ √R_ss ‖Y − Aα‖/σ.
        diagonal_error: relative error of R_ss of records sampled at random, signed, ``[k]``.
    """

    diagonal: Tensor
    leverage: Tensor
    weights: Tensor
    weights_residual: float
    diagonal_error: Tensor

    def to(self, device: torch.device) -> KeptFit:
        """Return the same on a device."""
        return KeptFit(
            self.diagonal.to(device),
            self.leverage.to(device),
            self.weights.to(device),
            self.weights_residual,
            self.diagonal_error.to(device),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Arrays:
    diagonal: FloatArray = array("n", "diagonal of the inverse")
    leverage: FloatArray = array("n", "leverage")
    weights: FloatArray = array("n c", "weights of the records")
    weights_residual: FloatArray = array("1", "norm of the residual of the weights")
    diagonal_error: FloatArray = array("k", "relative errors of the diagonal")


def kept_fit(fit: LargeFit, extremes: Extremes | None = None) -> KeptFit:
    """Return what to keep of a fit, of extreme records their exact values."""
    influence = fit.influence if extremes is None else extremes.influence
    diagonal = 1 / (fit.noise * (1 + influence.directions.spread[:, 0]))
    # α of records that were solved for are of second order in the residuals.
    weights = influence.residual * diagonal[:, None]
    return KeptFit(diagonal, influence.leverage, weights, fit.weights_residual, fit.diagonal_error)


def write_kept_fit(path: Path, kept: KeptFit) -> None:
    """Write the arrays as ``.npz``, whole or not at all."""
    arrays = {
        name: value.cpu().numpy() if isinstance(value, Tensor) else np.array([value])
        for name, value in vars(kept).items()
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # mistaken for allow_pickle


def read_kept_fit(path: Path) -> KeptFit:
    """Return what a fit kept, on the CPU.

    Raises:
        ImprintError: no such file, or another one.
    """
    arrays = read_array_file(_Arrays, path)
    return KeptFit(
        torch.from_numpy(arrays.diagonal),
        torch.from_numpy(arrays.leverage),
        torch.from_numpy(arrays.weights),
        float(arrays.weights_residual[0]),
        torch.from_numpy(arrays.diagonal_error),
    )
