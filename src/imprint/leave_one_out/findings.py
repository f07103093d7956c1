"""What a fit says as a whole: one number a question, with its interval over records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imprint.leave_one_out.duplicates import copies_of
from imprint.leave_one_out.noise_path import Spectrum, noise_path
from imprint.leave_one_out.posterior import Posterior, classes_of
from imprint.stats import median, proportion
from imprint.tables import Table

TOLD = 0.75
"""Area under the ROC curve from which on a record counts as distinguishable."""
MEASURES = (
    "kl_out_in",
    "kl_in_out",
    "mean_distance",
    "memorization",
    "auc",
    "tpr",
    "kl_out_in_with_copies",
    "auc_with_copies",
)
NAMED_GROUPS = 20


def fit_findings(
    posterior: Posterior, columns: Table, copies: Tensor, collinear: Tensor, labels: Tensor
) -> dict[str, Any]:
    """Return the findings of a fit as JSON values.

    Args:
        posterior: the fit of all records.
        columns: ``index`` of each record and what :func:`~.records.record_columns` returns.
        copies: int64 ``[n]``, as there.
        collinear: int64 ``[n]``, from :func:`imprint.leave_one_out.duplicates.collinear_records`.
        labels: int64 ``[n]``, of the targets.
    """
    told = columns["auc_with_copies"] >= TOLD
    return {
        "records": posterior.records,
        "outputs": posterior.outputs,
        "effective_degrees_of_freedom": posterior.effective_degrees_of_freedom,
        "leave_one_out_accuracy": _accuracy(posterior.leave_one_out_predictions, labels),
        "distinguishable": {**_share(told), "auc": TOLD},
        **{name: _measure(columns, name) for name in MEASURES},
        "leverage": {
            "least": float(columns["leverage"].min()),
            "most": float(columns["leverage"].max()),
        },
        "duplicates": _duplicates(columns, copies, collinear),
        "inverse_residual": posterior.inverse_residual(),
    }


def path_columns(
    decomposition: Spectrum, targets: Tensor, labels: Tensor, noises: Sequence[float]
) -> Table:
    """Return one row a noise variance, in the order given; records are left out one at a time.

    Args:
        decomposition: of the kernel matrix of all records.
        targets: float64 ``[n, c]``.
        labels: int64 ``[n]``.
        noises: variances.
    """
    rows = []
    for noise, found in zip(noises, noise_path(decomposition, targets, noises), strict=True):
        kl = found.kl_out_in.cpu().numpy()
        low, middle, high = np.quantile(kl, [0.05, 0.5, 0.95])
        right = classes_of(targets - found.residual) == labels
        rows.append(
            {
                "noise": noise,
                "effective_degrees_of_freedom": decomposition.effective_degrees_of_freedom(noise),
                "leave_one_out_accuracy": float(right.double().mean()),
                "kl_low": low,
                "kl_median": middle,
                "kl_high": high,
                "kl_most": kl.max(),
                "memorization_median": float(np.median(found.memorization.cpu().numpy())),
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


def _accuracy(predictions: Tensor, labels: Tensor) -> dict[str, Any]:
    right = (classes_of(predictions) == labels).cpu().numpy()
    return _share(right)


def _share(holds: NDArray[np.bool_]) -> dict[str, Any]:
    return proportion(int(holds.sum()), len(holds)).to_dict()


def _duplicates(columns: Table, copies: Tensor, collinear: Tensor) -> dict[str, Any]:
    return {
        name: {
            "groups": len(groups),
            "records": sum(map(len, groups.values())),
            "first": [
                columns["index"][group.numpy()].tolist()
                for group in list(groups.values())[:NAMED_GROUPS]
            ],
        }
        for name, groups in (("exact", copies_of(copies)), ("collinear", copies_of(collinear)))
    }
