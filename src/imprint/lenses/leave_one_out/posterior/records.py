"""The table of all records: what leaving each one out does to its own prediction.

A record is left out with all of its exact copies: leaving out one of them hardly moves anything,
because the others stay. That rule holds for every column but those that end in ``_alone``, where
its copies stay. Copies have one value f, so the models differ in one direction however many there
are.

What sets a record apart is its place or its label. KL(out ‖ in) has a part ½c(z − log(1 + z)) that
does not depend on the label, large far from the rest, and a part ½za from the residual. At a small
noise, or with many outputs, the first is larger for nearly all records, so each part is compared
with its own median.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions, excess_over_log
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.study.tables import Table

FPR = 1e-3
"""False positive rate of the columns ``tpr`` and ``tpr_alone``."""
ALONE = ("kl_out_in", "auc", "tpr", "leverage", "memorization", "prediction_out")


def record_columns(
    together: SelfInfluence, alone: SelfInfluence, targets: Tensor, copies: Tensor
) -> Table:
    """Return one row per record, float64 unless stated.

    Args:
        together: what leaving out each record with all of its exact copies does, from
            :func:`imprint.lenses.leave_one_out.posterior.duplicates.influence_with_copies`.
        alone: what leaving it out alone does.
        targets: float64 ``[n, c]``.
        copies: for each record the first one with the same bytes, int64 ``[n]``, from
            :func:`imprint.lenses.leave_one_out.posterior.duplicates.exact_copies`.

    Returns:
        ``kl_out_in`` and ``kl_in_out`` in nats; ``mean_distance`` in squared units of the targets;
        ``variance_out``; ``residual_norm``, ``memorization`` in units of the targets; ``auc``;
        ``tpr`` at a false positive rate of ``FPR``; ``leverage``; ``kl_variance``, the part of
        ``kl_out_in`` that is there whatever the label, in nats; ``prediction_out``, the class
        predicted without the record, int64; those of ``ALONE`` again as ``NAME_alone``;
        ``copies``, how many others have the same bytes, int64; ``first_copy``, whether the record
        is the first of them, bool.
    """
    columns = _columns(together, targets)
    others = _columns(alone, targets)
    columns |= {f"{name}_alone": others[name] for name in ALONE}
    copies = copies.cpu()
    columns["copies"] = copies.bincount(minlength=len(copies))[copies] - 1
    columns["first_copy"] = copies == torch.arange(len(copies))
    return {name: np.asarray(column.cpu().numpy()) for name, column in columns.items()}


def _columns(influence: SelfInfluence, targets: Tensor) -> dict[str, Tensor]:
    return {
        "kl_out_in": influence.kl_out_in,
        "kl_in_out": influence.kl_in_out,
        "mean_distance": influence.mean_distance,
        "variance_out": influence.variance_out,
        "residual_norm": influence.residual_norm,
        "memorization": influence.memorization,
        "auc": influence.auc,
        "tpr": influence.tpr_at_fpr(FPR),
        "leverage": influence.leverage,
        "kl_variance": _variance_part(influence.directions),
        "prediction_out": classes_of(targets - influence.residual),
    }


def _variance_part(directions: Directions) -> Tensor:
    """Return ½c(z − log(1 + z)), ``[n]``."""
    return 0.5 * directions.outputs * excess_over_log(directions.spread[:, 0])


def label_stands_out(divergence: FloatArray, variance_part: FloatArray) -> NDArray[np.bool_]:
    """Return which records stand out by an unexpected label more than by their place.

    >>> label_stands_out(np.array([2.0, 2.0, 9.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [False, False, True]

    Args:
        divergence: KL(out ‖ in), ``[n]``.
        variance_part: the part that is there whatever the label, ``[n]``.
    """
    label_part = divergence - variance_part
    stands: NDArray[np.bool_] = label_part * np.median(variance_part) > variance_part * np.median(
        label_part
    )
    return stands
