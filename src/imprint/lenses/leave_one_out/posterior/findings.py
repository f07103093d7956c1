"""What a fit says as a whole: one number a question, with its interval over distinct records.

Exact copies count once and are left out together, in every number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.lenses.leave_one_out.posterior.duplicates import (
    NEAR,
    copies_from_diagonal,
    copies_of,
    influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.noise_path import Spectrum, noise_path
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.stats import median, proportion
from imprint.study.tables import Table

TOLD = 0.75
"""Area under the ROC curve from which on a record counts as distinguishable."""
GIVEN_AWAY = 0.5
"""True positive rate, at ``FPR``, from which on its prediction gives a record away."""
COLLINEAR_MISSING = "needs the whole kernel matrix: choose --method dense"
MEASURES = (
    "kl_out_in",
    "kl_in_out",
    "mean_distance",
    "memorization",
    "auc",
    "tpr",
)
NAMED_GROUPS = 20
NAMED_RECORDS = 20
"""Those with the largest divergence, which the page shows."""


def fit_findings(
    columns: Table,
    outputs: int,
    copies: Tensor,
    near: Tensor | None,
    collinear: Tensor | None,
) -> dict[str, Any]:
    """Return the findings of a fit as JSON values.

    Args:
        columns: ``index`` and ``label`` of each record and what
            :func:`~.records.record_columns` returns.
        outputs: columns of the targets.
        copies: int64 ``[n]``, as there.
        near: int64 ``[n]``, from
            :func:`imprint.lenses.leave_one_out.posterior.duplicates.near_copies`; None where
            there was no matrix to look at.
        collinear: the same, from
            :func:`imprint.lenses.leave_one_out.posterior.duplicates.collinear_records`.
    """
    distinct = distinct_records(columns)
    told = distinct["auc"] >= TOLD
    given_away = distinct["tpr"] >= GIVEN_AWAY
    right = distinct["prediction_out"] == distinct["label"]
    return {
        "records": len(columns["index"]),
        "distinct": len(distinct["index"]),
        "outputs": outputs,
        "effective_degrees_of_freedom": float(columns["leverage_alone"].sum()),
        "leave_one_out_accuracy": _share(right),
        "distinguishable": {**_share(told), "auc": TOLD},
        "given_away": {**_share(given_away), "tpr": GIVEN_AWAY, "fpr": FPR},
        **{name: _measure(distinct, name) for name in MEASURES},
        "leverage": {
            "least": float(distinct["leverage"].min()),
            "most": float(distinct["leverage"].max()),
        },
        "duplicates": {
            "exact": _duplicates(columns, copies),
            "near": {"distance": NEAR, **_looked_for(columns, near)},
            "collinear": _looked_for(columns, collinear),
        },
    }


def distinct_records(columns: Table) -> Table:
    """Return the rows of records, the first of exact copies alone."""
    return {name: column[columns["first_copy"]] for name, column in columns.items()}


def named_rows(columns: Table) -> NDArray[np.int64]:
    """Return the rows that findings and page name, rising: the extremes of every measure."""
    distinct = distinct_records(columns)
    order = np.argsort(-distinct["kl_out_in"], kind="stable")[:NAMED_RECORDS]
    most = [int(distinct[name].argmax()) for name in (*MEASURES, "leverage")]
    rows = np.flatnonzero(columns["first_copy"])
    return np.unique(rows[[*order, *most]]).astype(np.int64)


def path_columns(
    decomposition: Spectrum,
    targets: Tensor,
    variances: Tensor,
    copies: Tensor,
    noises: Sequence[float],
) -> Table:
    """Return one row a noise variance, in the order given, over distinct records.

    Args:
        decomposition: of the kernel matrix of all records.
        targets: float64 ``[n, c]``.
        variances: k(s, s), float64 ``[n]``.
        copies: int64 ``[n]``, from
            :func:`imprint.lenses.leave_one_out.posterior.duplicates.exact_copies`; copies
            are left out together.
        noises: variances.
    """
    rows = []
    own = torch.arange(len(copies))
    distinct = torch.nonzero(copies.cpu() == own).flatten().to(targets.device)
    labels = classes_of(targets)[distinct]
    for noise, alone in zip(noises, noise_path(decomposition, targets, noises), strict=True):
        weights = alone.residual / (alone.variance_out + noise)[:, None]
        together = copies_from_diagonal(alone, weights, variances, noise, copies)
        influence = influence_with_copies(alone, together, targets, noise, copies)
        kl = influence.kl_out_in[distinct].cpu().numpy()
        low, middle, high = np.quantile(kl, [0.05, 0.5, 0.95])
        right = classes_of(targets - influence.residual)[distinct] == labels
        rows.append(
            {
                "noise": noise,
                "effective_degrees_of_freedom": decomposition.effective_degrees_of_freedom(noise),
                "leave_one_out_accuracy": float(right.double().mean()),
                "kl_low": low,
                "kl_median": middle,
                "kl_high": high,
                "kl_most": kl.max(),
                "memorization_median": float(
                    np.median(influence.memorization[distinct].cpu().numpy())
                ),
            }
        )
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"index": np.arange(len(rows)), **table}


def _measure(columns: Table, name: str) -> dict[str, Any]:
    values = columns[name]
    most = int(values.argmax())
    return {
        "median": median(values).to_dict(),
        "most": {"value": float(values[most]), "index": int(columns["index"][most])},
    }


def _share(holds: NDArray[np.bool_]) -> dict[str, Any]:
    return proportion(int(holds.sum()), len(holds)).to_dict()


def _looked_for(columns: Table, first: Tensor | None) -> dict[str, Any]:
    return {"missing": COLLINEAR_MISSING} if first is None else _duplicates(columns, first)


def _duplicates(columns: Table, first: Tensor) -> dict[str, Any]:
    groups = [group.numpy() for group in copies_of(first).values()]
    disputed = [group for group in groups if np.ptp(columns["label"][group]) > 0]
    return {
        "groups": len(groups),
        "records": sum(map(len, groups)),
        "conflicting": len(disputed),
        "first": [columns["index"][group].tolist() for group in groups[:NAMED_GROUPS]],
        "disputed": [columns["index"][group].tolist() for group in disputed[:NAMED_GROUPS]],
    }
