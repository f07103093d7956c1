"""Networks with and without a record along lines through it, beside the closed form.

Writes ``lines/``: ``lines.parquet``, one row per record, line and step, and ``findings.json``.

Networks are paired, one of each with the record and without from the same start, so the AUC and the
distance are those of :mod:`imprint.lenses.leave_one_out.truth.ground_truth`, for such pairs. The
divergence of :mod:`imprint.lenses.leave_one_out.truth.network_landscape` takes two independent
samples: it is computed twice, with the record by the even starts and without by the odd ones and
the other way, and averaged; the error stated is the mean of both errors, which that of their
average does not exceed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.retraining_findings import (
    ComparedCurve,
    ComparedCurves,
    LineFindings,
)
from imprint.lenses.leave_one_out.retraining_options import RetrainingChoice
from imprint.lenses.leave_one_out.search.landscape import Landscape, landscape
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.landscape import MEASURES, line_columns
from imprint.lenses.leave_one_out.study.lines import RecordLines
from imprint.lenses.leave_one_out.study.retrain import GroundTruth
from imprint.lenses.leave_one_out.truth.ground_truth import (
    MeasuredValues,
    attack_auc,
    prediction_difference,
)
from imprint.lenses.leave_one_out.truth.network_landscape import network_landscape
from imprint.lenses.leave_one_out.truth.paired_auc import jackknife_error, without_each_start
from imprint.stats.crossed import crossed_variance
from imprint.study.finding import write_finding
from imprint.study.option_types import AUTO
from imprint.study.tables import Table, write_table

AlongNetworks = Mapping[str, MeasuredValues | Missing]


@dataclass(frozen=True, eq=False)
class CompareLines(FindingStep[LineFindings]):
    """Write ``lines/``."""

    truth: GroundTruth
    choice: RetrainingChoice

    artefact = "lines"
    kind = LineFindings

    def build(self, path: Path) -> None:
        """Measure networks and closed form along the lines and write them."""
        truth, lines, noise = self.truth, self.truth.lines, self.choice.noise[0]
        within, without = truth.logits.around_within, truth.logits.around_without
        assert lines is not None
        assert within is not None
        assert without is not None
        assert noise != AUTO
        path.mkdir(parents=True, exist_ok=True)
        networks = along_networks(within.astype(np.float64), without.astype(np.float64))
        form = closed_form(truth, lines, noise)
        write_table(path / "lines.parquet", _columns(truth, lines, networks, form))
        write_finding(path / self.file, _findings(lines, networks, form, noise))


def along_networks(within: FloatArray, without: FloatArray) -> dict[str, MeasuredValues | Missing]:
    """Return each measure at every point, or why there is none.

    Args:
        within: logits of networks with the record, ``[r, K, p, c]``.
        without: of those without it, of the same starts.

    Returns:
        by measure, values and errors ``[r · p]``.
    """
    shape = (-1, within.shape[1], within.shape[3])
    inside, outside = (side.swapaxes(1, 2).reshape(shape) for side in (within, without))
    shift = prediction_difference(inside, outside)
    less = without_each_start(_distance, inside, outside)
    measures: dict[str, MeasuredValues | Missing] = {
        "mean_distance": MeasuredValues(shift.value / 2, shift.error / 2, less)
    }
    for name, measure in (("auc", attack_auc), ("kl_out_in", _divergence)):
        try:
            measures[name] = measure(inside, outside)
        except ImprintError as error:
            measures[name] = Missing(str(error))
    return measures


def _distance(within: FloatArray, without: FloatArray) -> FloatArray:
    return prediction_difference(within, without).value / 2


def _divergence(within: FloatArray, without: FloatArray) -> MeasuredValues:
    """Return KL(out ‖ in) of networks of different starts, ``[points]``.

    Raises:
        ImprintError: too few pairs to halve, or logits that are functions of one another.
    """
    pairs, least = within.shape[1], 2 * (within.shape[2] + 4)
    if pairs < least:
        raise ImprintError(
            f"{pairs} pairs of networks are too few for a divergence of {within.shape[2]} logits: "
            f"train {least} or more"
        )
    sides = [torch.from_numpy(side).swapaxes(0, 1) for side in (within, without)]
    halves = [network_landscape(sides[0][start::2], sides[1][1 - start :: 2]) for start in (0, 1)]
    value = (halves[0].kl_out_in + halves[1].kl_out_in) / 2
    error = (halves[0].kl_error + halves[1].kl_error) / 2
    return MeasuredValues(value.numpy(), error.numpy())


@one_thread_a_sum()
def closed_form(truth: GroundTruth, lines: RecordLines, noise: float) -> Landscape:
    """Return the landscape of the Gaussian process along the same lines."""
    records = truth.plan.records
    fitted, labels = truth.inputs[:records], truth.plan.data.labels[:records].cpu()
    ready = truth.kernel.prepare(fitted)
    targets = centred_one_hot(labels, truth.plan.data.classes)
    posterior = fit(truth.kernel(ready), targets, noise)
    removed = torch.from_numpy(truth.plan.left_out)
    args = (removed, lines.directions, lines.steps, ready)
    return landscape(truth.kernel, fitted, posterior, *args)


def _columns(
    truth: GroundTruth, lines: RecordLines, networks: AlongNetworks, form: Landscape
) -> Table:
    """Return one row per record, line and step; what is missing of networks is NaN."""
    exact = line_columns(form, truth.index[truth.plan.left_out], lines.kinds)
    columns = {name: exact[name] for name in ("index", "line", "direction", "step")}
    nothing = np.full(form.kl_out_in.numel(), np.nan)
    for name in MEASURES:
        measured = networks[name]
        values = MeasuredValues(nothing, nothing) if isinstance(measured, Missing) else measured
        columns[name], columns[f"{name}_error"] = values.value, values.error
        columns[f"{name}_closed_form"] = exact[name]
    return columns


def _findings(
    lines: RecordLines, networks: AlongNetworks, form: Landscape, noise: float
) -> LineFindings:
    """Return, for each kind of line, means over records of networks and closed form.

    Standard errors of the means are over records and over starts, which all records share
    (:mod:`imprint.lenses.leave_one_out.truth.starts`); those of the divergence are over records
    alone, and so too small.
    """
    shape = tuple(form.kl_out_in.shape)
    places = {
        kind: [place for place, name in enumerate(lines.kinds) if name == kind]
        for kind in dict.fromkeys(lines.kinds)
    }
    curves: dict[str, ComparedCurves | Missing] = {}
    for name in MEASURES:
        measured = networks[name]
        if isinstance(measured, Missing):
            curves[name] = measured
            continue
        values, exact = measured.value.reshape(shape), getattr(form, name).numpy()
        less = None if measured.less is None else measured.less.reshape(-1, *shape)
        by_kind = {kind: mean_curve(values, exact, less, rows) for kind, rows in places.items()}
        curves[name] = ComparedCurves(**by_kind)
    return LineFindings(
        shape[0],
        shape[1],
        noise,
        tuple(lines.steps.tolist()),
        curves,
        {
            name: float(np.median(measured.error))
            for name, measured in networks.items()
            if not isinstance(measured, Missing)
        },
    )


def mean_curve(
    values: FloatArray, exact: FloatArray, less: FloatArray | None, lines: list[int]
) -> ComparedCurve:
    """Return means over records and some lines ``[t]``, of values ``[r, l, t]``.

    Args:
        values: of networks.
        exact: of the closed form.
        less: of networks without each start, ``[groups, r, l, t]``.
        lines: which of them.
    """
    own, error = values[:, lines].mean(1), None
    each = None if less is None else less[:, :, lines].mean(2)
    if len(own) > 1 and each is not None:
        error = np.sqrt(crossed_variance(own, each)[0])
    elif len(own) > 1:
        error = np.sqrt(own.var(0, ddof=1) / len(own))
    elif each is not None:
        error = jackknife_error(each[:, 0])
    return ComparedCurve(
        tuple(own.mean(0).tolist()),
        None if error is None else tuple(error.tolist()),
        tuple(exact[:, lines].mean((0, 1)).tolist()),
    )
