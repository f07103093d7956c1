"""Leave-one-out values with each model normalised by the statistics of its own images.

A fit scales all images by their mean and deviation, and a record that is left out leaves these as
they are. Where the model without the record is scaled by its own images, all of its kernel differs,
and no formula gives one model from the other: a fit more per record. With D the images without the
record,

    independent: both models, and the query, by the statistics of D;
    dependent:   out by those of D, in by those of all images, each with the query scaled alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.normalisation_findings import NormalisationFindings
from imprint.lenses.leave_one_out.posterior.distinguishability import mean_distance
from imprint.lenses.leave_one_out.posterior.self_influence import SelfInfluence, self_influence
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Inputs, pixels_of
from imprint.stats.median import median
from imprint.stats.ranks import midranks
from imprint.study.finding import write_finding
from imprint.study.tables import Table

NORMALISATION = "leave_one_out_normalisation"


@dataclass(frozen=True, eq=False)
class CompareNormalisation(FindingStep[NormalisationFindings]):
    """Write ``records.parquet``, a row per record, and ``findings.json``."""

    fit: GaussianFit
    records: int
    seed: int

    artefact = NORMALISATION
    kind = NormalisationFindings

    def build(self, path: Path) -> None:
        """Fit anew for each record, and write."""
        path.mkdir(exist_ok=True)
        order = generator(self.seed, "own statistics").permutation(len(self.fit.inputs.index))
        columns = compare_normalisation(self.fit, np.sort(order[: self.records]))
        write_meant(path / "records.parquet", columns)
        write_finding(path / self.file, normalisation_findings(columns, self.fit.noise[0]))


def check_normalisation(records: int, inputs: Inputs, scaling: str, method: str) -> None:
    """Check that there are statistics which a record changes.

    Raises:
        ImprintError: arrays, pixels that are not standardised, or a method that is not dense.
    """
    if records and method != "dense":
        raise ImprintError(
            f"--own-statistics fits anew for each record, which takes --method dense, not {method}"
        )
    if records and (inputs.pixels is None or scaling != "standardised"):
        raise ImprintError(
            "--own-statistics applies to images with --scaling standardised: other inputs are not "
            "normalised by the records, leave it out"
        )


def compare_normalisation(fit: GaussianFit, rows: IntArray) -> Table:
    """Return values of some records, left out alone, by the statistics that normalise images.

    Args:
        fit: of all images.
        rows: of the records, int64 ``[m]``.

    Returns:
        one row per record, with ``kl_out_in`` and ``mean_distance`` of both.
    """
    assert fit.inputs.pixels is not None
    unit, together = fit.inputs.pixels.unit(fit.inputs.values), self_influence(fit.posterior)
    columns: dict[str, list[float]] = {}
    for row in track(rows.tolist(), "normalise", len(rows), "record"):
        pixels = pixels_of(np.delete(unit, row, axis=0))
        inputs = replace(fit.inputs, values=pixels.scaled(unit), pixels=pixels)
        without = replace(fit, inputs=inputs)
        own = self_influence(without.posterior)
        shift = _mean_in(fit, together, row) - _mean_out(without, own, row)
        noise = fit.noise[0]
        values = {
            "kl_out_in_independent": float(own.kl_out_in[row]),
            "kl_out_in_dependent": gaussian_divergence(
                shift, float(own.variance_out[row]), float(noise * together.leverage[row])
            ),
            "mean_distance_independent": float(own.mean_distance[row]),
            "mean_distance_dependent": float(mean_distance(shift[None])[0]),
        }
        for name, value in values.items():
            columns.setdefault(name, []).append(value)
    table: Table = {"index": fit.inputs.index[rows]}
    return table | {name: np.array(values) for name, values in columns.items()}


def _mean_in(fit: GaussianFit, own: SelfInfluence, row: int) -> Tensor:
    return _mean_out(fit, own, row) + own.shift[row]


def _mean_out(fit: GaussianFit, own: SelfInfluence, row: int) -> Tensor:
    return fit.posterior.targets[row] - own.residual[row]


def gaussian_divergence(shift: Tensor, variance_out: float, variance_in: float) -> float:
    """Return KL(out ‖ in) of predictions with independent outputs of one variance, in nats.

    >>> import torch
    >>> round(gaussian_divergence(torch.tensor([1.0, 0.0]), 2.0, 1.0), 4)
    0.8069

    Args:
        shift: difference of the means, ``[c]``.
        variance_out: without the record.
        variance_in: with it.
    """
    ratio = variance_out / variance_in
    return 0.5 * (
        len(shift) * (ratio - 1 - float(np.log(ratio))) + float(shift.square().sum()) / variance_in
    )


def normalisation_findings(columns: Table, noise: float) -> NormalisationFindings:
    """Return medians over records, and how far the two kinds of values are apart."""
    first, second = columns["kl_out_in_independent"], columns["kl_out_in_dependent"]
    near, far = columns["mean_distance_independent"], columns["mean_distance_dependent"]
    difference = np.abs(second - first) / np.maximum(first, 1e-300)
    distance = np.abs(far - near) / np.maximum(near, 1e-300)
    rank = None
    if len(first) >= 3 and np.ptp(first) > 0 and np.ptp(second) > 0:
        rank = float(np.corrcoef(midranks(first), midranks(second))[0, 1])
    return NormalisationFindings(
        len(first),
        noise,
        median(first),
        median(second),
        median(difference),
        float(difference.max()),
        median(distance),
        rank,
    )
