"""The table of all records of a fit, by whatever method it was made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from imprint.lenses.leave_one_out.options import TargetKind
from imprint.lenses.leave_one_out.posterior.model_quality import quality_columns
from imprint.lenses.leave_one_out.posterior.records import record_columns
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence
from imprint.lenses.leave_one_out.posterior.targets import towards_targets
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.study.tables import Table


def record_table(
    fit: GaussianFit, together: SelfInfluence, alone: SelfInfluence, copies: Tensor
) -> Table:
    """Return one row per record, in units of the targets.

    Columns are ``index``, ``label``, those of
    :func:`~imprint.lenses.leave_one_out.posterior.records.record_columns` and of
    :func:`~imprint.lenses.leave_one_out.posterior.model_quality.quality_columns`. Records without
    classes have ``label`` and ``prediction_out`` 0, and real values ``target_0 …`` beside.

    Args:
        fit: the records.
        together: what leaving out each record with all of its exact copies does.
        alone: what leaving it out alone does.
        copies: for each record the first one with the same bytes, int64 ``[n]``.
    """
    inputs, targets = fit.inputs, fit.targets
    if inputs.kind != "classes":
        alone = _towards_targets(alone, targets, inputs.kind)
        together = _towards_targets(together, targets, inputs.kind)
    columns = {
        "index": inputs.index,
        "label": inputs.labels,
        **fit.units.convert(record_columns(together, alone, targets, copies)),
        **quality_columns(together, targets, fit.noise[0], fit.units),
    }
    if inputs.kind != "classes":
        for name in ("prediction_out", "prediction_out_alone"):
            columns[name] = np.zeros_like(columns[name])
    if inputs.kind == "values":
        values = fit.units.of_targets(targets.cpu().numpy())
        columns |= {f"target_{place}": column for place, column in enumerate(values.T)}
    return columns


def _towards_targets(each: SelfInfluence, targets: Tensor, kind: TargetKind) -> SelfInfluence:
    moved = towards_targets(each.shift, each.residual, kind, targets)
    return replace(each, memorization=moved)


def with_target_groups(columns: Table, targets: Tensor, kind: TargetKind) -> Table:
    """Return columns whose ``label`` is the same where targets are, for finding conflicts."""
    if kind == "classes":
        return columns
    groups = np.unique(targets.cpu().numpy(), axis=0, return_inverse=True)[1]
    return {**columns, "label": groups.reshape(-1)}
