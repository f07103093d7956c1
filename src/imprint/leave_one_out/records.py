"""The table of all records: what leaving each one out does to its own prediction.

A record is left out alone. Where the data hold exact copies of it, leaving one out hardly moves
anything; so two columns more say what is left to tell when all copies go. Copies have one value f,
so the models differ in one direction however many there are.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from imprint.leave_one_out.distinguishability import Directions, excess_over_log
from imprint.leave_one_out.posterior import classes_of
from imprint.leave_one_out.self_influence import SelfInfluence
from imprint.tables import Table

FPR = 1e-3
"""False positive rate of the columns ``tpr`` and ``tpr_with_copies``."""


def record_columns(
    found: SelfInfluence, together: Directions, targets: Tensor, copies: Tensor
) -> Table:
    """Return one row a record, float64 unless told.

    Args:
        found: what leaving out each record alone does.
        together: what leaving it out with all of its exact copies does, ``[n, k]``.
        targets: float64 ``[n, c]``.
        copies: for each record the first one with the same bytes, int64 ``[n]``, from
            :func:`imprint.leave_one_out.duplicates.exact_copies`.

    Returns:
        ``kl_out_in`` and ``kl_in_out`` in nats; ``mean_distance`` in squared units of the targets;
        ``variance_out``; ``residual_norm``, ``memorization`` in units of the targets; ``auc``;
        ``tpr`` at a false positive rate of ``FPR``; ``leverage``; ``kl_variance``, the part of
        ``kl_out_in`` that is there whatever the label, in nats; ``prediction_out``, the class
        predicted without the record, int64; ``copies``, how many others have the same bytes,
        int64; ``kl_out_in_with_copies``, ``auc_with_copies``, ``tpr_with_copies``.
    """
    together = _one_direction(together)
    counts = copies.bincount(minlength=len(copies))[copies] - 1
    columns = {
        "kl_out_in": found.kl_out_in,
        "kl_in_out": found.kl_in_out,
        "mean_distance": found.mean_distance,
        "variance_out": found.variance_out,
        "residual_norm": found.residual_norm,
        "memorization": found.memorization,
        "auc": found.auc,
        "tpr": found.tpr_at_fpr(FPR),
        "leverage": found.leverage,
        "kl_variance": _variance_part(found.directions),
        "prediction_out": classes_of(targets - found.residual),
        "copies": counts,
        "kl_out_in_with_copies": together.kl_out_in(),
        "auc_with_copies": together.auc(),
        "tpr_with_copies": together.tpr_at_fpr(FPR),
    }
    return {name: np.asarray(column.cpu().numpy()) for name, column in columns.items()}


def _one_direction(several: Directions) -> Directions:
    """Return the direction that copies share; along all others their values cannot differ."""
    strongest = several.spread.argmax(-1, keepdim=True)
    return Directions(
        several.spread.gather(-1, strongest),
        several.surprise.gather(-1, strongest),
        several.outputs,
    )


def _variance_part(directions: Directions) -> Tensor:
    """Return ½c(z − log(1 + z)), ``[n]``."""
    return 0.5 * directions.outputs * excess_over_log(directions.spread[:, 0])
