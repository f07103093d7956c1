"""``leave-one-out landscape``: distinguishability along lines through removed records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import LandscapeFindings, LineCurves, LineShares
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.options import LandscapeOptions, LineChoice, NoiseLineChoice
from imprint.lenses.leave_one_out.search.landscape import (
    Landscape,
    brightness_directions,
    eigenvector_directions,
    joined_landscapes,
    landscape,
    neighbour_directions,
    random_directions,
    symmetric_steps,
)
from imprint.lenses.leave_one_out.study.conclude import FindingStep, conclude
from imprint.lenses.leave_one_out.study.fitted import (
    GaussianFit,
    check_fit,
    check_one_noise,
    double_device,
)
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.lenses.leave_one_out.study.noise_lines import NOISE_LINES, ComputeNoiseLines
from imprint.lenses.leave_one_out.study.records import fitted_data, read_records
from imprint.lenses.leave_one_out.study.removals import Removals, chosen_removals, fits_of
from imprint.report.summary import finish
from imprint.study.counted import part_of
from imprint.study.finding import to_json, write_finding
from imprint.study.store import Study
from imprint.study.tables import Table

STEP = "leave_one_out_landscape"
MEASURES = ("kl_out_in", "auc", "mean_distance")


@dataclass(frozen=True, eq=False)
class ComputeLandscape(FindingStep[LandscapeFindings]):
    """Write ``lines.parquet``, a row per record, line and step, and ``findings.json``."""

    fit: GaussianFit
    choice: LineChoice
    seed: int
    removals: Removals

    artefact = STEP
    kind = LandscapeFindings

    def build(self, path: Path) -> None:
        """Compute the lines and write them."""
        path.mkdir(exist_ok=True)
        columns, findings = landscape_of(self.fit, self.removals, self.choice, self.seed)
        write_meant(path / "lines.parquet", columns)
        write_finding(path / self.file, findings)


def compute_landscape(
    fit: GaussianFit, removed: Tensor, choice: LineChoice, seed: int
) -> tuple[Table, LandscapeFindings]:
    """Return one row per record, line and step, and what they show.

    Args:
        fit: of the records.
        removed: rows of the removed records, int64 ``[m]``.
        choice: of the lines.
        seed: of random lines.
    """
    removals = Removals("fitted", removed.cpu().numpy()[:, None])
    return landscape_of(fit, removals, choice, seed)


def landscape_of(
    fit: GaussianFit, removals: Removals, choice: LineChoice, seed: int
) -> tuple[Table, LandscapeFindings]:
    """Return one row per removed record, of the fit or added to it, line and step.

    Args:
        fit: of all records but those that are added.
        removals: groups of one record each.
        choice: of the lines.
        seed: of random lines.
    """
    steps = symmetric_steps(choice.half_length, choice.steps_per_side).to(fit.device)
    parts, index, names = [], [], []
    for each, rows in fits_of(fit, removals):
        removed = rows[:, 0]
        index.append(each.inputs.index[removed.cpu().numpy()])
        kinds = _directions(each, removed, index[-1], choice.lines, seed)
        directions = torch.cat(list(kinds.values()), dim=1)
        parts.append(
            landscape(each.kernel, each.values, each.posterior, removed, directions, steps)
        )
        names = [name for name, lines in kinds.items() for _ in range(lines.shape[1])]
    values = joined_landscapes(parts)
    columns = line_columns(values, np.concatenate(index), names)
    return columns, landscape_findings(values, names, fit.noise[0])


def _directions(
    fit: GaussianFit, removed: Tensor, index: IntArray, lines: int, seed: int
) -> dict[str, Tensor]:
    values, pixels = fit.values, fit.inputs.pixels
    shape = values.shape[1:]
    black = torch.zeros(shape, dtype=torch.float64, device=values.device)
    if pixels is not None:
        black = torch.from_numpy(pixels.scaled(np.zeros((1, *shape)))[0]).to(values)
    return {
        "random": random_directions(shape, index.tolist(), lines, seed).to(values),
        "neighbour": neighbour_directions(values, fit.posterior.kernel_matrix, removed),
        "principal": eigenvector_directions(values, lines, removed),
        "brightness": brightness_directions(values, black, removed),
    }


def landscape_study(options: LandscapeOptions) -> Mapping[str, Any]:
    """Compute the lines, write the table and the page; return the content of ``summary.json``.

    Raises:
        ImprintError: bad data, or options that do not fit.
    """
    check_one_noise(options)
    study, device = Study(options.out), double_device(options.device)
    with study.locked(), one_thread_a_sum():
        inputs, images, _ = read_records(options)
        fit = check_fit(inputs, options, device)
        removals = removed_lines(options, inputs)
        step = ComputeLandscape(fit, part_of(options, LineChoice), options.seed, removals)
        lenses = {STEP: to_json(conclude(study, step))}
        if options.noise_lines:
            choice = part_of(options, NoiseLineChoice)
            noise = ComputeNoiseLines(fit, choice, options.seed, removals)
            lenses[NOISE_LINES] = to_json(conclude(study, noise))
        data = fitted_data(options, inputs, images)
        return finish(study, options, to_json(data), lenses)


def removed_lines(options: LandscapeOptions, inputs: Inputs) -> Removals:
    """Return the records, one a group, that lines run through.

    Raises:
        ImprintError: options that do not fit one another, or too few records.
    """
    chosen = chosen_removals(options, options, inputs, options.removed, 1, options.seed)
    if chosen is not None:
        return chosen
    order = generator(options.seed, "removed records").permutation(len(inputs.index))
    return Removals("fitted", order[: options.removed, None])


def line_columns(values: Landscape, index: IntArray, names: list[str] | tuple[str, ...]) -> Table:
    """Return one row per record, line and step.

    Args:
        values: along the lines.
        index: of the records.
        names: kind of each line.
    """
    records, lines, steps = values.kl_out_in.shape
    return {
        "index": np.repeat(index, lines * steps),
        "line": np.tile(np.repeat(np.arange(lines), steps), records),
        "direction": np.tile(np.repeat(names, steps), records),
        "step": np.tile(values.steps.cpu().numpy(), records * lines),
        **{name: getattr(values, name).flatten().cpu().numpy() for name in MEASURES},
    }


def landscape_findings(values: Landscape, names: list[str], noise: float) -> LandscapeFindings:
    """Return medians over records of each measure relative to step 0, and where peaks lie.

    Args:
        values: along the lines.
        names: kind of each line.
        noise: variance of the fit.
    """
    relative = {name: _relative(values, name) for name in MEASURES}
    known = {name: share.nan_to_num(1) for name, share in relative.items()}
    curves = {}
    for kind in dict.fromkeys(names):
        lines = [place for place, name in enumerate(names) if name == kind]
        medians = (relative[name][:, lines].flatten(0, 1).nanmedian(0).values for name in MEASURES)
        curves[kind] = LineCurves(*(tuple(median.tolist()) for median in medians))
    return LandscapeFindings(
        len(values.kl_out_in),
        len(names),
        noise,
        tuple(values.steps.tolist()),
        curves,
        LineShares(*(float(known[name].max()) - 1 for name in MEASURES)),
        LineShares(*(float((known[name] <= 1 + 1e-9).all(2).double().mean()) for name in MEASURES)),
    )


def _relative(values: Landscape, name: str) -> Tensor:
    """Return a measure over its value at the record; of the AUC, what is above ½."""
    measure: Tensor = getattr(values, name)
    return values.relative(measure - 0.5 if name == "auc" else measure)
