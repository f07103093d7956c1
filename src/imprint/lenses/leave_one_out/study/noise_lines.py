"""The straight line from uniform noise to a removed record: where on the way does it show?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.noise_line_findings import NoiseLineCurve, NoiseLineFindings
from imprint.lenses.leave_one_out.options import NoiseLineChoice
from imprint.lenses.leave_one_out.search.landscape import (
    Landscape,
    joined_landscapes,
    landscape,
)
from imprint.lenses.leave_one_out.search.query_domain import noise_starts
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.input_range import input_range
from imprint.lenses.leave_one_out.study.removals import Removals, fits_of
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import within_unit
from imprint.stats.median import median
from imprint.study.finding import write_finding
from imprint.study.tables import Table

NOISE_LINES = "leave_one_out_noise_lines"
MEASURES = ("kl_out_in", "auc", "mean_distance")
ROUNDING = 1e-9
"""By how much a value may fall, as a share of that at the record, and still count as equal."""


@dataclass(frozen=True, eq=False)
class ComputeNoiseLines(FindingStep[NoiseLineFindings]):
    """Write ``lines.parquet``, a row per record, line and step, and ``findings.json``."""

    fit: GaussianFit
    choice: NoiseLineChoice
    seed: int
    removals: Removals

    artefact = NOISE_LINES
    kind = NoiseLineFindings

    def build(self, path: Path) -> None:
        """Compute the lines and write them."""
        path.mkdir(exist_ok=True)
        columns, findings = compute_noise_lines(self.fit, self.removals, self.choice, self.seed)
        write_meant(path / "lines.parquet", columns)
        write_finding(path / self.file, findings)


def compute_noise_lines(
    fit: GaussianFit, removals: Removals, choice: NoiseLineChoice, seed: int
) -> tuple[Table, NoiseLineFindings]:
    """Return one row per removed record, line and step, and what they show.

    Args:
        fit: of all records but those that are added.
        removals: groups of one record each.
        choice: of the lines.
        seed: of the noise.
    """
    steps = torch.arange(-choice.noise_steps, 1, device=fit.device).double() / choice.noise_steps
    index, parts = [], []
    for each, rows in fits_of(fit, removals):
        removed = rows[:, 0]
        index.append(each.inputs.index[removed.cpu().numpy()])
        start = noise_starts(*input_range(fit), index[-1].tolist(), choice.noise_lines, seed)(0)
        way = each.values[removed].double()[:, None] - start
        parts.append(landscape(each.kernel, each.values, each.posterior, removed, way, steps))
    values = joined_landscapes(parts)
    shares = np.arange(choice.noise_steps + 1) / choice.noise_steps
    columns = noise_line_columns(values, np.concatenate(index), shares)
    return columns, noise_line_findings(values, shares, fit.noise[0], seed)


def noise_line_columns(values: Landscape, index: IntArray, shares: FloatArray) -> Table:
    """Return one row per record, line and step; ``share`` is that of the way to the record.

    Args:
        values: along the lines.
        index: of the records, ``[m]``.
        shares: of the way, ``[t]``.
    """
    records, lines, steps = values.kl_out_in.shape
    own = values.kl_out_in[:, :, -1:]
    certificate = torch.where(own > 0, values.kl_out_in / own, torch.ones_like(own))
    measures = {name: getattr(values, name) for name in ("kl_out_in", "kl_in_out", *MEASURES[1:])}
    return {
        "index": np.repeat(index, lines * steps),
        "line": np.tile(np.repeat(np.arange(lines), steps), records),
        "share": np.tile(shares, records * lines),
        **{name: each.flatten().cpu().numpy() for name, each in measures.items()},
        "certificate": certificate.flatten().cpu().numpy(),
    }


def noise_line_findings(
    values: Landscape, shares: FloatArray, noise: float, seed: int
) -> NoiseLineFindings:
    """Return medians over records with their intervals, and where the record begins to show.

    Args:
        values: along the lines, the record last.
        shares: of the way, ``[t]``.
        noise: variance of the fit.
        seed: of bootstraps.
    """
    relative = {name: _relative(values, name) for name in MEASURES}
    divergence = relative["kl_out_in"]
    records, lines = divergence.shape[:2]
    # From where on it stays above one half: the last step that is below, and one more.
    below = (divergence < 0.5).numpy()
    last = below.shape[2] - below[:, :, ::-1].argmax(2)
    first = np.where(below.any(2), np.minimum(last, len(shares) - 1), 0)
    rising = (divergence.diff(dim=2) >= -ROUNDING).all(2).double().mean(1)
    return NoiseLineFindings(
        records,
        lines,
        noise,
        tuple(shares.tolist()),
        {name: _curve(each.mean(1).numpy()) for name, each in relative.items()},
        within_unit(median(divergence[:, :, 0].mean(1).numpy())),
        within_unit(median(shares[first].mean(1))),
        mean_share(rising.numpy(), generator(seed, "noise lines")),
        float((divergence <= 1 + ROUNDING).all(2).double().mean()),
    )


def _relative(values: Landscape, name: str) -> Tensor:
    """Return a measure over that at the record; 1 where that is 0; of the AUC what is above ½."""
    measure: Tensor = getattr(values, name)
    share = values.relative(measure - 0.5 if name == "auc" else measure)
    return share.nan_to_num(1).cpu()


def _curve(values: FloatArray) -> NoiseLineCurve:
    estimates = [median(column) for column in values.T]
    low, high = ([getattr(each, end) for each in estimates] for end in ("low", "high"))
    return NoiseLineCurve(tuple(each.value for each in estimates), tuple(low), tuple(high))
