"""Lines through records left out, along which retrained networks are asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.options import KernelChoice
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.search.landscape import (
    Landscape,
    landscape,
    line_queries,
    neighbour_directions,
    random_directions,
    symmetric_steps,
)
from imprint.lenses.leave_one_out.study.truth.retrain import GroundTruth
from imprint.lenses.leave_one_out.study.truth.retrain_options import RetrainingOptions
from imprint.lenses.leave_one_out.truth.ground_truth import (
    Measured,
    attack_auc,
    prediction_difference,
)
from imprint.lenses.leave_one_out.truth.network_landscape import network_landscape
from imprint.lenses.leave_one_out.truth.paired_auc import jackknife_error, without_each_start
from imprint.nets.fully_connected import in_own_span
from imprint.stats.crossed import crossed_variance
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.options import DataChoice
from imprint.study.step_settings import card_settings, fields_of
from imprint.study.store import Study
from imprint.study.tables import write_table

FURTHEST = 1_000_000
"""Of lines that networks are asked along, in float32."""


@dataclass(frozen=True, eq=False)
class Lines:
    """l lines through each of r records, t steps along each.

    Attributes:
        kinds: what each line is, ``l`` names.
        directions: of root mean square 1, float64 ``[r, l, d]``.
        steps: float64 ``[t]``, 0 among them.
    """

    kinds: tuple[str, ...]
    directions: Tensor
    steps: Tensor


def check_lines(options: RetrainingOptions) -> None:
    """Check the options of lines.

    Raises:
        ImprintError: one that will not do.
    """
    if options.lines < 0:
        raise ImprintError(f"--lines is {options.lines}: it must not be negative")
    if not 0 < options.reach <= FURTHEST:
        raise ImprintError(f"--reach is {options.reach:g}: it must be above 0, up to {FURTHEST:,}")
    if options.steps < 1:
        raise ImprintError(f"--steps is {options.steps}: it must be at least 1")
    if not options.noise or not all(0 < noise < np.inf for noise in options.noise):
        raise ImprintError("--noise must be variances above 0, such as 0.05")


def chosen_lines(
    fitted: Tensor,
    kernel_matrix: Tensor,
    removed: Tensor,
    index: IntArray,
    options: RetrainingOptions,
) -> Lines:
    """Return random lines and one to the neighbour for each record.

    Args:
        fitted: the records, float64 ``[n, d]``.
        kernel_matrix: of them, float64 ``[n, n]``.
        removed: rows left out, int64 ``[r]``.
        index: of the records left out, int64 ``[r]``: each has random lines of its own.
        options: how many, and how far.
    """
    names = [int(name) for name in index]
    random = random_directions(fitted.shape[1:], names, options.lines, options.seed)
    neighbour = neighbour_directions(fitted, kernel_matrix, removed)
    kinds = ("random",) * options.lines + ("neighbour",)
    steps = symmetric_steps(options.reach, options.steps)
    return Lines(kinds, torch.cat([random, neighbour], 1), steps)


def coordinates(inputs: Tensor, lines: Lines) -> tuple[Tensor, Tensor]:
    """Return inputs, and the points of the lines, in one orthonormal basis of their span.

    The points lie in the span of records and directions, so the basis need not know them.

    Args:
        inputs: ``[N, d]``; the first r of them are those that lines run through.
        lines: through r records.

    Returns:
        ``[N, d']`` and ``[r, l · t, d']``.
    """
    records, count = lines.directions.shape[:2]
    own = in_own_span(torch.cat([inputs, lines.directions.flatten(0, 1)]))
    directions = own[len(inputs) :].view(records, count, -1)
    points = line_queries(own[:records], directions, lines.steps)
    return own[: len(inputs)].contiguous(), points.flatten(1, 2)


STEP = "lines"
NETWORKS = (*fields_of(KernelChoice, DataChoice), "train")
"""Options that are on the card of the networks."""
MEASURES = ("kl_out_in", "auc", "mean_distance")


def lines_step(study: Study, truth: GroundTruth, options: RetrainingOptions) -> dict[str, Any]:
    """Return the findings by name: ``lines``, or nothing where networks were asked along none."""
    lines = truth.lines
    if lines is None:
        return {}
    settings = {
        **truth.plan.settings(),
        "kernel": asdict(truth.kernel),
        "index": hash_arrays(truth.index),
        **card_settings(options, RetrainingOptions, without=NETWORKS),
    }

    def build(folder: Path) -> None:
        _write(folder, truth, lines, options.noise[0])

    return {STEP: read_json(study.step(STEP, settings, build) / "findings.json")}


def along_networks(within: FloatArray, without: FloatArray) -> dict[str, Measured | str]:
    """Return each measure at every point, or why there is none.

    Args:
        within: logits of networks with the record, ``[r, K, p, c]``.
        without: of those without it, of the same starts.

    Returns:
        by measure, values and errors ``[r · p]``.
    """
    shape = (-1, within.shape[1], within.shape[3])
    one, other = (side.swapaxes(1, 2).reshape(shape) for side in (within, without))
    found: dict[str, Measured | str] = {}
    shift = prediction_difference(one, other)
    less = without_each_start(_distance, one, other)
    found["mean_distance"] = Measured(shift.value / 2, shift.error / 2, less)
    for name, measure in (("auc", attack_auc), ("kl_out_in", _divergence)):
        try:
            found[name] = measure(one, other)
        except ImprintError as error:
            found[name] = str(error)
    return found


def _distance(one: FloatArray, other: FloatArray) -> FloatArray:
    return prediction_difference(one, other).value / 2


def _divergence(one: FloatArray, other: FloatArray) -> Measured:
    """Return KL(out ‖ in) of networks of different starts, ``[points]``.

    Raises:
        ImprintError: too few pairs to halve, or logits that are functions of one another.
    """
    pairs, least = one.shape[1], 2 * (one.shape[2] + 4)
    if pairs < least:
        raise ImprintError(
            f"{pairs} pairs of networks are too few for a divergence of {one.shape[2]} logits: "
            f"train {least} or more"
        )
    sides = [torch.from_numpy(side).swapaxes(0, 1) for side in (one, other)]
    halves = [network_landscape(sides[0][start::2], sides[1][1 - start :: 2]) for start in (0, 1)]
    value = (halves[0].kl_out_in + halves[1].kl_out_in) / 2
    error = (halves[0].kl_error + halves[1].kl_error) / 2
    return Measured(value.numpy(), error.numpy())


def _write(folder: Path, truth: GroundTruth, lines: Lines, noise: float) -> None:
    within, without = truth.logits.around_within, truth.logits.around_without
    assert within is not None
    assert without is not None
    folder.mkdir(parents=True, exist_ok=True)
    networks = along_networks(within.astype(np.float64), without.astype(np.float64))
    form = closed_form(truth, lines, noise)
    write_table(folder / "lines.parquet", _columns(truth, lines, networks, form))
    write_json(folder / "findings.json", _findings(lines, networks, form, noise))


@one_thread_a_sum()
def closed_form(truth: GroundTruth, lines: Lines, noise: float) -> Landscape:
    """Return what the Gaussian process says along the same lines."""
    records = truth.plan.records
    fitted, labels = truth.inputs[:records], truth.plan.data.labels[:records].cpu()
    ready = truth.kernel.prepare(fitted)
    targets = centred_one_hot(labels, truth.plan.data.classes)
    posterior = fit(truth.kernel(ready), targets, noise)
    removed = torch.from_numpy(truth.plan.left_out)
    args = (removed, lines.directions, lines.steps, ready)
    return landscape(truth.kernel, fitted, posterior, *args)


def _columns(
    truth: GroundTruth, lines: Lines, networks: dict[str, Measured | str], form: Landscape
) -> dict[str, NDArray[Any]]:
    """Return one row a record, line and step; what networks cannot say is NaN."""
    records, count, steps = form.kl_out_in.shape
    columns: dict[str, NDArray[Any]] = {
        "index": np.repeat(truth.index[truth.plan.left_out], count * steps),
        "line": np.tile(np.repeat(np.arange(count), steps), records),
        "direction": np.tile(np.repeat(lines.kinds, steps), records),
        "step": np.tile(lines.steps.numpy(), records * count),
    }
    nothing = np.full(records * count * steps, np.nan)
    for name in MEASURES:
        found = networks[name]
        told = Measured(nothing, nothing) if isinstance(found, str) else found
        columns[name], columns[f"{name}_error"] = told.value, told.error
        columns[f"{name}_closed_form"] = getattr(form, name).flatten().numpy()
    return columns


def _findings(
    lines: Lines, networks: dict[str, Measured | str], form: Landscape, noise: float
) -> dict[str, Any]:
    """Return, for each kind of line, means over records of what networks and closed form say.

    Standard errors of the means are over records and over starts, which all records share
    (:mod:`imprint.lenses.leave_one_out.truth.starts`); those of the divergence are over records
    alone, and so too small.
    """
    shape = tuple(form.kl_out_in.shape)
    curves: dict[str, Any] = {}
    for name in MEASURES:
        found = networks[name]
        if isinstance(found, str):
            curves[name] = {"missing": found}
            continue
        values, exact = found.value.reshape(shape), getattr(form, name).numpy()
        less = None if found.less is None else found.less.reshape(-1, *shape)
        curves[name] = {
            kind: _curve(values, exact, less, [at for at, k in enumerate(lines.kinds) if k == kind])
            for kind in dict.fromkeys(lines.kinds)
        }
    return {
        "records": shape[0],
        "lines": shape[1],
        "noise": noise,
        "steps": lines.steps.tolist(),
        "curves": curves,
        "errors": {
            name: float(np.median(found.error))
            for name, found in networks.items()
            if not isinstance(found, str)
        },
    }


def _curve(
    values: FloatArray, exact: FloatArray, less: FloatArray | None, lines: list[int]
) -> dict[str, Any]:
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
    return {
        "networks": own.mean(0).tolist(),
        "error": None if error is None else error.tolist(),
        "closed_form": exact[:, lines].mean((0, 1)).tolist(),
    }
