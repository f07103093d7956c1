"""What a fit says as a whole: one number a question, with its interval over distinct records.

Exact copies count once and are left out together, in every number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.findings import (
    DistinguishableShare,
    DuplicateGroups,
    Duplicates,
    FitFindings,
    GivenAwayShare,
    LargestValue,
    MeasureSummary,
    NearCopies,
    ValueRange,
)
from imprint.lenses.leave_one_out.options import TargetKind
from imprint.lenses.leave_one_out.posterior.duplicates import (
    NEAR_COPY_DISTANCE,
    copies_from_diagonal,
    copies_of,
    influence_with_copies,
)
from imprint.lenses.leave_one_out.posterior.noise_path import Spectrum, noise_path
from imprint.lenses.leave_one_out.posterior.posterior import classes_of
from imprint.lenses.leave_one_out.posterior.records import FPR
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits
from imprint.lenses.leave_one_out.posterior.targets import towards_targets
from imprint.stats.bootstrap import mean, mean_share
from imprint.stats.estimate import Estimate
from imprint.stats.median import median
from imprint.stats.proportion import proportion
from imprint.study.tables import Table

MIN_DISTINGUISHABLE_AUC = 0.75
MIN_GIVEN_AWAY_TPR = 0.5
"""At the false positive rate ``FPR``."""
COLLINEAR_MISSING = Missing("needs the whole kernel matrix: choose --method dense")
MEASURES = ("kl_out_in", "kl_in_out", "mean_distance", "memorization", "auc", "tpr")
NAMED_GROUPS = 20
NAMED_RECORDS = 20
"""Records of the largest divergence, which the page shows."""


def fit_findings(columns: Table, outputs: int, duplicates: Duplicates, **facts: Any) -> FitFindings:
    """Return the findings of a fit.

    Args:
        columns: ``index`` and ``label`` of each record and what
            :func:`~.records.record_columns` returns.
        outputs: columns of the targets.
        duplicates: from :func:`find_duplicates`.
        facts: fields that no table holds, such as ``kernel`` and ``noise``.
    """
    distinct = distinct_records(columns)
    right = facts.pop("leave_one_out_accuracy", None)
    if right is None:
        right = _share(distinct["prediction_out"] == distinct["label"])
    distinguishable = _share(distinct["auc"] >= MIN_DISTINGUISHABLE_AUC)
    given_away = _share(distinct["tpr"] >= MIN_GIVEN_AWAY_TPR)
    leverage = distinct["leverage"]
    facts |= {name: _summary(distinct, name) for name in MEASURES}
    if "log_predictive_density" in columns:
        random = generator(0, "leave-one-out density")
        facts["log_predictive_density"] = mean(distinct["log_predictive_density"], random)
    return FitFindings(
        records=len(columns["index"]),
        distinct=len(distinct["index"]),
        outputs=outputs,
        effective_degrees_of_freedom=float(columns["leverage_alone"].sum()),
        leave_one_out_accuracy=right,
        distinguishable=DistinguishableShare(**vars(distinguishable), auc=MIN_DISTINGUISHABLE_AUC),
        given_away=GivenAwayShare(**vars(given_away), tpr=MIN_GIVEN_AWAY_TPR, fpr=FPR),
        leverage=ValueRange(float(leverage.min()), float(leverage.max())),
        duplicates=duplicates,
        **facts,
    )


def target_facts(
    together: SelfInfluence, targets: Tensor, columns: Table, kind: TargetKind
) -> dict[str, Any]:
    """Return how well labels or real values are predicted without their records.

    Args:
        together: what leaving out each record with its copies does.
        targets: float64 ``[n, c]``.
        columns: with ``first_copy``.
        kind: of the targets.

    Raises:
        ImprintError: real values that are the same for all records but copies.
    """
    first = columns["first_copy"]
    residual, wanted = (each.cpu().numpy()[first] for each in (together.residual, targets))
    random = generator(0, "leave-one-out targets")
    if kind == "labels":
        right = ((wanted - residual) * wanted > 0).mean(1)
        return {"targets": kind, "leave_one_out_accuracy": mean_share(right, random)}
    variance = wanted.var(0).mean()
    if not variance > 0:
        raise ImprintError(
            "records that are no copies of one another all have the same target, so there is "
            "nothing to predict: check inputs and targets"
        )
    unexplained = (residual**2).mean(1) / variance
    explained = mean(1 - unexplained, random)
    reason = Missing("targets are real values: see explained_variance")
    return {"targets": kind, "leave_one_out_accuracy": reason, "explained_variance": explained}


def find_duplicates(
    columns: Table, copies: Tensor, near: Tensor | None, collinear: Tensor | None
) -> Duplicates:
    """Return the groups of duplicates.

    Args:
        columns: ``index`` and ``label`` of each record.
        copies: the first record with the same bytes, int64 ``[n]``.
        near: the first near copy, likewise; None without a kernel matrix.
        collinear: the first collinear record, likewise.
    """
    return Duplicates(
        _groups(columns, copies),
        COLLINEAR_MISSING
        if near is None
        else NearCopies(**vars(_groups(columns, near)), distance=NEAR_COPY_DISTANCE),
        COLLINEAR_MISSING if collinear is None else _groups(columns, collinear),
    )


def distinct_records(columns: Table) -> Table:
    """Return the rows of records, the first of exact copies alone."""
    return {name: column[columns["first_copy"]] for name, column in columns.items()}


def named_rows(columns: Table) -> IntArray:
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
    units: TargetUnits | None = None,
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
        units: of real values; None for classes.
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
        moved, predicted = influence.memorization, {"leave_one_out_accuracy": right.double().mean()}
        if units is not None:
            shift, residual = influence.shift, influence.residual
            moved = towards_targets(shift, residual, "values", targets) * units.mixed_scale
            spread = targets[distinct].var(0, unbiased=False).mean()
            unexplained = residual[distinct].square().mean() / spread
            predicted = {"explained_variance": 1 - unexplained}
        memorization = moved[distinct].cpu().numpy()
        rows.append(
            {
                "noise": noise,
                "effective_degrees_of_freedom": decomposition.effective_degrees_of_freedom(noise),
                **{name: float(value) for name, value in predicted.items()},
                "kl_low": low,
                "kl_median": middle,
                "kl_high": high,
                "kl_most": kl.max(),
                "memorization_median": float(np.median(memorization)),
            }
        )
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return {"index": np.arange(len(rows)), **table}


def _summary(columns: Table, name: str) -> MeasureSummary:
    values = columns[name]
    most = int(values.argmax())
    largest = LargestValue(float(values[most]), int(columns["index"][most]))
    return MeasureSummary(median(values), largest)


def _share(holds: BoolArray) -> Estimate:
    return proportion(int(holds.sum()), len(holds))


def _groups(columns: Table, first: Tensor) -> DuplicateGroups:
    groups = [group.numpy() for group in copies_of(first).values()]
    disputed = [group for group in groups if np.ptp(columns["label"][group]) > 0]

    def named(groups: list[IntArray]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(columns["index"][group].tolist()) for group in groups[:NAMED_GROUPS])

    return DuplicateGroups(
        len(groups), sum(map(len, groups)), len(disputed), named(groups), named(disputed)
    )


def reason(by_label: bool, target: str = "label") -> str:
    """Return what sets a record apart, in words; ``target`` is what a target is called."""
    return f"unexpected {target}" if by_label else "far from the rest"
