"""What a fit says as a whole: one number a question, with its interval over records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from imprint.leave_one_out.duplicates import copies_of
from imprint.leave_one_out.noise_path import Spectrum, noise_path
from imprint.leave_one_out.posterior import classes_of
from imprint.leave_one_out.records import FPR
from imprint.stats import median, proportion
from imprint.tables import Table

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
    "kl_out_in_with_copies",
    "auc_with_copies",
    "tpr_with_copies",
)
NAMED_GROUPS = 20
NAMED_RECORDS = 20
"""Those with the largest divergence, which the page shows."""


def fit_findings(
    columns: Table, outputs: int, copies: Tensor, collinear: Tensor | None, labels: Tensor
) -> dict[str, Any]:
    """Return the findings of a fit as JSON values.

    Args:
        columns: ``index`` and ``label`` of each record and what
            :func:`~.records.record_columns` returns.
        outputs: columns of the targets.
        copies: int64 ``[n]``, as there.
        collinear: int64 ``[n]``, from :func:`imprint.leave_one_out.duplicates.collinear_records`;
            None where there was no matrix to look at.
        labels: int64 ``[n]``, of the targets.
    """
    told = columns["auc_with_copies"] >= TOLD
    given_away = columns["tpr_with_copies"] >= GIVEN_AWAY
    right = columns["prediction_out"] == labels.cpu().numpy()
    return {
        "records": len(columns["index"]),
        "outputs": outputs,
        "effective_degrees_of_freedom": float(columns["leverage"].sum()),
        "leave_one_out_accuracy": _share(right),
        "distinguishable": {**_share(told), "auc": TOLD},
        "given_away": {**_share(given_away), "tpr": GIVEN_AWAY, "fpr": FPR},
        **{name: _measure(columns, name) for name in MEASURES},
        "leverage": {
            "least": float(columns["leverage"].min()),
            "most": float(columns["leverage"].max()),
        },
        "duplicates": {
            "exact": _duplicates(columns, copies),
            "collinear": {"missing": COLLINEAR_MISSING}
            if collinear is None
            else _duplicates(columns, collinear),
        },
    }


def named_rows(columns: Table) -> NDArray[np.int64]:
    """Return the rows that findings and page name, rising: the extremes of every measure."""
    order = np.argsort(-columns["kl_out_in_with_copies"], kind="stable")[:NAMED_RECORDS]
    most = [int(columns[name].argmax()) for name in (*MEASURES, "leverage")]
    return np.unique([*order, *most]).astype(np.int64)


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


def _share(holds: NDArray[np.bool_]) -> dict[str, Any]:
    return proportion(int(holds.sum()), len(holds)).to_dict()


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
