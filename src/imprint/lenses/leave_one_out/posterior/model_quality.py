"""How well the fitted model predicts each record without it, as columns of the table of records.

Densities are those of :mod:`imprint.lenses.leave_one_out.posterior.densities`.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.densities import log_predictive_density
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits
from imprint.study.tables import Table


def quality_columns(
    together: SelfInfluence, targets: Tensor, noise: float, units: TargetUnits
) -> Table:
    """Return mean and variance of each record without it, and the log density of its target.

    Args:
        together: what leaving out each record with its exact copies does.
        targets: as fitted, float64 ``[n, c]``.
        noise: σ².
        units: of the targets.

    Returns:
        ``leave_one_out_mean_0 …``, float64 ``[n]``, in units of the output;
        ``leave_one_out_variance``, of the noise-free prediction, in squared units of the targets,
        or ``leave_one_out_variance_0 …`` where outputs have units of their own;
        ``log_predictive_density`` of the target, with noise, in nats.
    """
    means = units.of_targets((targets - together.residual).cpu().numpy())
    columns = {f"leave_one_out_mean_{place}": values for place, values in enumerate(means.T)}
    variance = together.variance_out.cpu().numpy()
    if units.common_scale is not None:
        columns["leave_one_out_variance"] = variance * units.common_scale**2
    else:
        for place, scale in enumerate(units.scale):
            columns[f"leave_one_out_variance_{place}"] = variance * scale**2
    density = log_predictive_density(together.residual, together.variance_out, noise)
    columns["log_predictive_density"] = density.cpu().numpy() - density_offset(units)
    return columns


def density_offset(units: TargetUnits) -> float:
    """Return by how much a density of fitted targets exceeds that of the targets, in nats."""
    return float(np.log(units.scale).sum())
